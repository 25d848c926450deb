"""`langchain_community.vectorstores.SKLearnVectorStore`: scikit-learn's exact neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from langchain_core.documents import Document

from sift_retrievers.retrieval import Hits, no_hits


def fetch(store: Any, query: npt.NDArray[np.float32], fetch_k: int) -> Hits[Document]:
    """Vectors as the embedding model gave them. The store's search takes no filter."""
    if not store._neighbors_fitted:  # nothing was ever added
        return no_hits(len(query))
    found = store._similarity_index_search_with_score(
        query.tolist(), k=min(fetch_k, len(store._ids))
    )
    rows = [int(row) for row, _ in found]
    ids = [str(store._ids[row]) for row in rows]

    def document(i: int) -> Document:
        row = rows[i]
        return Document(
            id=ids[i],
            page_content=store._texts[row] or "",
            metadata={"id": store._ids[row], **store._metadatas[row]},
        )

    return Hits(store._embeddings_np[rows].astype(np.float32), ids, document)
