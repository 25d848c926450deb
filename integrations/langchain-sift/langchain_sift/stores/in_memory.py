"""`langchain_core.vectorstores.InMemoryVectorStore`: exact cosine search over a dict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from langchain_core.documents import Document

from sift_retrievers.retrieval import Hits, stacked


def fetch(
    store: Any,
    query: npt.NDArray[np.float32],
    fetch_k: int,
    *,
    filter: Callable[[Document], bool] | None = None,
) -> Hits[Document]:
    """Vectors as the embedding model gave them."""
    if filter is not None and not callable(filter):
        raise TypeError(
            "filter of InMemoryVectorStore must be a callable on a Document; got "
            f"{type(filter).__name__}"
        )
    found = store._similarity_search_with_score_by_vector(query.tolist(), fetch_k, filter)
    ids = [document.id for document, _, _ in found]
    vectors = stacked([vector for _, _, vector in found], ids, len(query))
    return Hits(vectors, ids, document=lambda i: found[i][0])


def vectors_by_id(store: Any, ids: Sequence[str]) -> dict[str, Any]:
    """The vectors of those ids that the store has."""
    return {name: store.store[name]["vector"] for name in ids if name in store.store}
