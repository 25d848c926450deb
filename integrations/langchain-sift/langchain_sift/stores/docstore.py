"""Hits of stores that keep the documents in a docstore, apart from the index of vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from langchain_core.documents import Document

from sift_retrievers.retrieval import Hits


def document_of(store: Any, docstore_id: str) -> Document | None:
    """The docstore's own document under an id; None if there is none, or no longer."""
    found = store.docstore.search(docstore_id)
    return found if isinstance(found, Document) else None


def hits_in_docstore(
    store: Any,
    docstore_ids: Sequence[str],
    vectors: npt.NDArray[np.float32],
    note: str | None = None,
) -> Hits[Document]:
    """The hits whose documents are in the docstore.

    Args:
        store: that has the docstore.
        docstore_ids: those of n hits, nearest first.
        vectors: `[n, d]`.
        note: see `Hits`.
    """
    found = [document_of(store, name) for name in docstore_ids]
    rows = [(i, document) for i, document in enumerate(found) if document is not None]
    return hits_with_ids(
        [document for _, document in rows],
        [docstore_ids[i] for i, _ in rows],
        vectors if len(rows) == len(found) else vectors[[i for i, _ in rows]],
        note,
    )


def hits_with_ids(
    documents: Sequence[Document],
    ids: Sequence[str],
    vectors: npt.NDArray[np.float32],
    note: str | None = None,
) -> Hits[Document]:
    """The hits of n documents, whose `id` may be None.

    Args:
        documents: n, nearest first.
        ids: n.
        vectors: `[n, d]`.
        note: see `Hits`.
    """

    def document(i: int) -> Document:
        found = documents[i]
        if found.id and found.page_content is not None:
            return found
        named = {"id": found.id or ids[i], "page_content": found.page_content or ""}
        return found.model_copy(update=named)

    return Hits(
        vectors=vectors,
        ids=ids,
        texts=[document.page_content or "" for document in documents],
        metadata=[document.metadata for document in documents],
        document=document,
        note=note,
    )
