"""`langchain_community.vectorstores.DocArrayInMemorySearch` and `DocArrayHnswSearch`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from langchain_core.documents import Document

from langchain_sift.stores.rows import hits_of_rows
from sift_retrievers.retrieval import Hits, StoreReader


class DocArrayReader(StoreReader[Document]):
    """Vectors as the embedding model gave them."""

    def search(self, query: npt.NDArray[np.float32], fetch_k: int) -> Hits[Document]:
        """The nearest documents. The store's search takes no filter."""
        store = self.store
        found = store.doc_index.find(
            store.doc_cls(embedding=query), search_field="embedding", limit=fetch_k
        ).documents
        return hits_of_rows(
            query,
            ids=[str(row.id) for row in found],
            texts=[row.text for row in found],
            metadata=[row.metadata or {} for row in found],
            vectors=[row.embedding for row in found],
        )
