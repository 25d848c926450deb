"""`langchain_community.vectorstores.USearch`: an index that keeps vectors in few bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from langchain_core.documents import Document

from langchain_sift.stores.docstore import document_of
from sift_retrievers.retrieval import Hits, no_hits


def fetch(store: Any, query: npt.NDArray[np.float32], fetch_k: int) -> Hits[Document]:
    """Vectors in the precision of the index. The store's search takes no filter."""
    keys = store.index.search(query, fetch_k).keys
    if len(keys) == 0:
        return no_hits(len(query))
    ids = [str(key) for key in keys]
    precision = str(store.index.dtype).rpartition(".")[2].lower()
    note = None if precision in ("f32", "f64") else f"stored as {precision}"
    vectors = np.asarray(store.index.get(keys), dtype=np.float32)
    return Hits(vectors, ids, lambda i: document_of(store, ids[i]), note)
