"""The documents of some ids, in the stores that keep documents beside their index."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from langchain_core.documents import Document


def document_of(store: Any, docstore_id: str) -> Document:
    """The docstore's document under its id; not a copy, unless it had no id of its own.

    Raises:
        LookupError: if the docstore does not have it.
    """
    return documents_of(store, [docstore_id])[0]


def documents_of(store: Any, docstore_ids: Iterable[str]) -> list[Document]:
    """The same for several ids."""
    ids = [*docstore_ids]
    found = [*map(store.docstore.search, ids)]
    for i, document in enumerate(found):
        if not isinstance(document, Document):
            raise LookupError(
                f"the docstore of {type(store).__name__} has no document {ids[i]!r}: {document}"
            )
        if not document.id:
            found[i] = document.model_copy(update={"id": ids[i]})
    return found
