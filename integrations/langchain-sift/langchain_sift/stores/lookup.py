"""The stored vectors of documents that somebody else found, by id."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.documents import Document

from langchain_sift.stores.registry import ADAPTERS

# Where stores that leave `Document.id` empty put their id.
ID_KEYS = ("_id", "pk")


def check_lookup(store: object) -> None:
    """Check that vectors can be looked up by id in a store.

    Raises:
        TypeError: if they cannot; the message says in which stores they can.
    """
    if ADAPTERS.part(store, "vectors_by_id") is None:
        raise TypeError(
            f"vectors cannot be looked up by id in {type(store).__name__}; they can in "
            f"{', '.join(ADAPTERS.names_with('vectors_by_id'))}. Pass embedding=... instead: the "
            "texts are then embedded in one call"
        )


def stored_vectors(store: object, documents: Sequence[Document]) -> tuple[list[Any], str | None]:
    """The vectors that a store holds for n documents, None for one that it does not know.

    And in what they differ from those that the embedding model gave, if they do. Read by the
    functions `vectors_by_id(store, ids)` and `note(store)` beside the store's adapter.

    Raises:
        TypeError: if vectors cannot be looked up in this store.
        Exception: the store's own, with a note that names the store.
    """
    check_lookup(store)
    names = [_name(document) for document in documents]
    wanted = [*dict.fromkeys(name for name in names if name is not None)]
    note = ADAPTERS.part(store, "note")
    try:
        kept = ADAPTERS.part(store, "vectors_by_id")(store, wanted) if wanted else {}
        said = None if note is None or not kept else note(store)
    except Exception as error:
        error.add_note(
            f"while SIFT looked up the vectors of {len(wanted)} documents in {type(store).__name__}"
        )
        raise
    return [None if name is None else kept.get(name) for name in names], said


def _name(document: Document) -> str | None:
    if document.id is not None:
        return document.id
    named = (document.metadata or {}).items()
    return next((str(value) for key, value in named if key in ID_KEYS), None)
