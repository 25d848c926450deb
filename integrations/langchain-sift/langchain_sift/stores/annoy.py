"""`langchain_community.vectorstores.Annoy`: an index of trees that is built once."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from langchain_core.documents import Document

from langchain_sift.stores.docstore import document_of
from sift_retrievers.retrieval import Hits, stacked


def fetch(
    store: Any, query: npt.NDArray[np.float32], fetch_k: int, *, search_k: int = -1
) -> Hits[Document]:
    """Vectors as the embedding model gave them. The store's search takes no filter."""
    rows = store.index.get_nns_by_vector(query.tolist(), fetch_k, search_k=search_k)
    ids = [store.index_to_docstore_id[row] for row in rows]
    vectors = stacked([store.index.get_item_vector(row) for row in rows], ids, len(query))
    return Hits(vectors, ids, lambda i: document_of(store, ids[i]))
