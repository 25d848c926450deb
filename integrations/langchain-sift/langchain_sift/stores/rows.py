"""`hits_of_rows`: the hits of a store whose search returns ids, texts and metadata."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from langchain_core.documents import Document

from sift_retrievers.retrieval import Hits
from sift_retrievers.retrieval.hits import stacked


def hits_of_rows(
    query: npt.NDArray[np.float32],
    *,
    ids: Sequence[str],
    texts: Sequence[str | None],
    metadata: Sequence[Mapping[str, Any] | None],
    vectors: npt.NDArray[Any] | Sequence[Any],
    note: str | None = None,
) -> Hits[Document]:
    """The hits of n rows, nearest first. Documents are built when they are asked for.

    Args:
        query: `[d]` the vector that was searched for.
        ids: n.
        texts: n; None counts as "".
        metadata: n.
        vectors: `[n, d]`, or a sequence of n arrays or lists, None for a missing one.
        note: how the vectors differ from those of the embedding model; None if they do not.

    Raises:
        ValueError: if vectors are missing or differ in length; the message says which.
    """
    contents = [text or "" for text in texts]
    if not isinstance(vectors, np.ndarray):
        vectors = stacked(vectors, ids, len(query))
    return Hits(
        vectors=vectors.astype(np.float32, copy=False),
        ids=ids,
        texts=contents,
        metadata=metadata,
        document=lambda i: Document(
            id=ids[i], page_content=contents[i], metadata=dict(metadata[i] or {})
        ),
        note=note,
    )
