"""`langchain_community.vectorstores.DocArrayInMemorySearch` and `DocArrayHnswSearch`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from langchain_core.documents import Document

from langchain_sift.stores.hits import hits_of
from sift_retrievers.retrieval import Hits, StoreReader


class DocArrayReader(StoreReader[Document]):
    """Vectors as the embedding model gave them."""

    def search(self, query: npt.NDArray[np.float32], fetch_k: int) -> Hits[Document]:
        """The nearest. The store's search takes no filter."""
        store = self.store
        found = store.doc_index.find(
            store.doc_cls(embedding=query), search_field="embedding", limit=fetch_k
        ).documents
        documents = [
            Document(id=str(row.id), page_content=row.text or "", metadata=dict(row.metadata or {}))
            for row in found
        ]
        return hits_of(documents, [row.embedding for row in found], query)
