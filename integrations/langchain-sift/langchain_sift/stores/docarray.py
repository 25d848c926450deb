"""`langchain_community.vectorstores.DocArrayInMemorySearch` and `DocArrayHnswSearch`."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from langchain_core.documents import Document

from sift_retrievers.retrieval import Hits, stacked


def fetch(store: Any, query: npt.NDArray[np.float32], fetch_k: int) -> Hits[Document]:
    """Vectors as the embedding model gave them. The store's search takes no filter."""
    found = store.doc_index.find(
        store.doc_cls(embedding=query), search_field="embedding", limit=fetch_k
    ).documents
    ids = [str(document.id) for document in found]

    def document(i: int) -> Document:
        return Document(
            id=ids[i], page_content=found[i].text or "", metadata=dict(found[i].metadata or {})
        )

    vectors = stacked([document.embedding for document in found], ids, len(query))
    return Hits(vectors, ids, document)
