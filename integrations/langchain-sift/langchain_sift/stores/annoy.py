"""`langchain_community.vectorstores.Annoy`: an index of trees that is built once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from langchain_core.documents import Document

from langchain_sift.stores.docstore import hits_in_docstore
from sift_retrievers.retrieval import Hits, StoreReader
from sift_retrievers.retrieval.hits import stacked


class AnnoyReader(StoreReader[Document]):
    """Vectors as the embedding model gave them. The store cannot add or delete documents later."""

    def search(
        self, query: npt.NDArray[np.float32], fetch_k: int, *, search_k: int = -1
    ) -> Hits[Document]:
        """The nearest documents that the trees find. The store's search takes no filter."""
        store = self.store
        rows = store.index.get_nns_by_vector(query.tolist(), fetch_k, search_k=search_k)
        ids = [store.index_to_docstore_id[row] for row in rows]
        vectors = stacked([store.index.get_item_vector(row) for row in rows], ids, len(query))
        return hits_in_docstore(store, ids, vectors)
