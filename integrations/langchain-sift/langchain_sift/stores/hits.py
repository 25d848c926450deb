"""`hits_of`: the hits of a store whose search hands over whole documents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from langchain_core.documents import Document

from sift_retrievers.retrieval import Hits, stacked


def hits_of(
    documents: Sequence[Document],
    vectors: npt.NDArray[Any] | Sequence[Any],
    query: npt.NDArray[np.float32],
    *,
    note: str | None = None,
) -> Hits[Document]:
    """What an adapter returns, from n documents, nearest first, and their n vectors.

    Args:
        documents: n; their ids name them.
        vectors: `[n, d]`, or a sequence of n arrays or lists, None for a missing one.
        query: `[d]`, as the adapter was given it.
        note: in what the vectors differ from those that the embedding model gave, if they do.

    Raises:
        ValueError: if vectors are missing or differ in length; the message says which.
    """
    ids = [document.id for document in documents]
    if not isinstance(vectors, np.ndarray):
        vectors = stacked(vectors, ids, len(query))
    return Hits(np.asarray(vectors, dtype=np.float32), ids, documents.__getitem__, note)
