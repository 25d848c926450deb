"""Looks up, by id, the stored vectors of documents that another retriever found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from langchain_core.documents import Document

from langchain_sift.stores.registry import READERS
from sift_retrievers.retrieval import StoredVector, StoreReader
from sift_retrievers.retrieval.stores import check_vectors_by_id
from sift_retrievers.retrieval.work import OnLoop, Work

ID_KEYS: Final = ("_id", "pk")
"""The metadata keys in which some stores put the id, leaving `Document.id` empty."""


def check_lookup(store: object) -> None:
    """Check that vectors can be looked up by id in a store.

    Raises:
        TypeError: if they cannot; the message lists the stores in which they can.
    """
    _reader(store)


async def stored_vectors(
    work: Work, store: object, documents: Sequence[Document]
) -> tuple[list[Any], str | None]:
    """Look up the vectors that a store holds for n documents.

    Args:
        work: makes the calls.
        store: any in which vectors can be looked up.
        documents: n.

    Returns:
        n vectors, and a note on how they differ from those of the embedding model (None if they do
        not). The vector is None if the store does not know the id of the document, or now holds
        another text under it: the stored vector is then the one of that other text.

    Raises:
        TypeError: if vectors cannot be looked up in this store, or its reader does not return a
            mapping to `StoredVector`.
        Exception: the store's own, with a note that names the store.
    """
    reader = _reader(store)
    names = [_name(document) for document in documents]
    wanted = [*dict.fromkeys(name for name in names if name is not None)]
    kept: Mapping[str, StoredVector] = {}
    note = None
    try:
        if wanted:
            on_loop = isinstance(work, OnLoop) and reader.searches_async
            kept = await work.call(
                "vectors",
                store,
                partial(reader.vectors_by_id, wanted),
                native=partial(reader.avectors_by_id, wanted) if on_loop else None,
            )
            check_vectors_by_id(reader, kept)
        if kept:
            note = await work.call("vectors", store, reader.note)
    except Exception as error:
        error.add_note(
            f"while SIFT looked up the vectors of {len(wanted)} documents in {type(store).__name__}"
        )
        raise

    def vector(name: str | None, document: Document) -> Any:
        stored = None if name is None else kept.get(name)
        if stored is None or stored.text not in (None, document.page_content or ""):
            return None
        return stored.vector

    return [vector(*pair) for pair in zip(names, documents, strict=True)], note


def _reader(store: object) -> StoreReader[Document]:
    reader = READERS.find(store, "vectors_by_id")
    if reader is None:
        raise TypeError(
            f"vectors cannot be looked up by id in {type(store).__name__}; they can in "
            f"{', '.join(READERS.names('vectors_by_id'))}. Pass embedding=... instead: the "
            "texts are then embedded in one call"
        )
    return reader(store)


def _name(document: Document) -> str | None:
    if document.id is not None:
        return document.id
    named = (document.metadata or {}).items()
    return next((str(value) for key, value in named if key in ID_KEYS), None)
