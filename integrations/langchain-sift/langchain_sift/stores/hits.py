"""`hits_of`: the hits of a store whose search returns documents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from langchain_core.documents import Document

from sift_retrievers.retrieval import Hits
from sift_retrievers.retrieval.hits import stacked


def hits_of(
    documents: Sequence[Document],
    vectors: npt.NDArray[Any] | Sequence[Any],
    query: npt.NDArray[np.float32],
    *,
    note: str | None = None,
) -> Hits[Document]:
    """The hits of n documents, nearest first, with their n vectors.

    Args:
        documents: n; their ids name them. A text that is None counts as "".
        vectors: `[n, d]`, or a sequence of n arrays or lists, None for a missing one.
        query: `[d]` the vector that was searched for.
        note: how the vectors differ from those of the embedding model; None if they do not.

    Raises:
        ValueError: if vectors are missing or differ in length; the message says which.
    """
    ids = [document.id for document in documents]
    if not isinstance(vectors, np.ndarray):
        vectors = stacked(vectors, ids, len(query))

    def document(i: int) -> Document:
        found = documents[i]
        if found.page_content is None:
            return found.model_copy(update={"page_content": ""})
        return found

    return Hits(
        vectors=np.asarray(vectors, dtype=np.float32),
        ids=ids,
        texts=[document.page_content or "" for document in documents],
        metadata=[document.metadata for document in documents],
        document=document,
        note=note,
    )
