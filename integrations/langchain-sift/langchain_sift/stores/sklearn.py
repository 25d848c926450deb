"""`langchain_community.vectorstores.SKLearnVectorStore`: scikit-learn's exact neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from langchain_core.documents import Document

from langchain_sift.stores.hits import hits_of
from sift_retrievers.retrieval import Hits, StoreReader, no_hits


class SKLearnReader(StoreReader[Document]):
    """Vectors as the embedding model gave them. Documents can be added, never deleted."""

    def search(self, query: npt.NDArray[np.float32], fetch_k: int) -> Hits[Document]:
        """The nearest. The store's search takes no filter."""
        store = self.store
        if not store._neighbors_fitted:  # nothing was ever added
            return no_hits(len(query))
        found = store._similarity_index_search_with_score(
            query.tolist(), k=min(fetch_k, store._neighbors.n_samples_fit_)
        )
        rows = [int(row) for row, _ in found]
        vectors = store._embeddings_np[rows].astype(np.float32)
        return hits_of([_document(store, row) for row in rows], vectors, query)


def _document(store: Any, row: int) -> Document:
    """As the store's own search builds it, with its id."""
    return Document(
        id=str(store._ids[row]),
        page_content=store._texts[row] or "",
        metadata={"id": store._ids[row], **store._metadatas[row]},
    )
