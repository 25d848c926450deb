"""`langchain_community.vectorstores.SKLearnVectorStore`: scikit-learn's exact neighbours."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from langchain_core.documents import Document

from langchain_sift.stores.rows import hits_of_rows
from sift_retrievers.retrieval import Hits, StoreReader
from sift_retrievers.retrieval.hits import no_hits


class SKLearnReader(StoreReader[Document]):
    """Vectors as the embedding model gave them. The store cannot delete documents."""

    def search(self, query: npt.NDArray[np.float32], fetch_k: int) -> Hits[Document]:
        """The nearest documents. The store's search takes no filter."""
        store = self.store
        if not store._neighbors_fitted:  # nothing was ever added
            return no_hits(len(query))
        found = store._similarity_index_search_with_score(
            query.tolist(), k=min(fetch_k, store._neighbors.n_samples_fit_)
        )
        rows = [int(row) for row, _ in found]
        ids = [store._ids[row] for row in rows]
        return hits_of_rows(
            query,
            ids=[str(name) for name in ids],
            texts=[store._texts[row] for row in rows],
            # The store's own documents have the id in their metadata, too.
            metadata=[
                {"id": name, **store._metadatas[row]} for name, row in zip(ids, rows, strict=True)
            ],
            vectors=store._embeddings_np[rows],
        )
