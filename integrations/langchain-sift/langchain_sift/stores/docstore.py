"""The document of an id, in the stores that keep documents beside their index."""

from __future__ import annotations

from typing import Any

from langchain_core.documents import Document


def document_of(store: Any, docstore_id: str) -> Document:
    """The docstore's document under its id; not a copy, unless it had no id of its own.

    Raises:
        LookupError: if the docstore does not have it.
    """
    document = store.docstore.search(docstore_id)
    if not isinstance(document, Document):
        raise LookupError(
            f"the docstore of {type(store).__name__} has no document {docstore_id!r}: {document}"
        )
    return document if document.id else document.model_copy(update={"id": docstore_id})
