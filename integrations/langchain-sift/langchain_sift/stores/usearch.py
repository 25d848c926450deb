"""`langchain_community.vectorstores.USearch`: an index that stores vectors in low precision."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from langchain_core.documents import Document

from langchain_sift.stores.docstore import hits_in_docstore
from sift_retrievers.retrieval import Hits, StoreReader
from sift_retrievers.retrieval.hits import no_hits


class USearchReader(StoreReader[Document]):
    """Vectors in the precision of the index. The store cannot replace documents."""

    def search(self, query: npt.NDArray[np.float32], fetch_k: int) -> Hits[Document]:
        """The nearest documents that the index finds. The store's search takes no filter."""
        index = self.store.index
        keys = index.search(query, fetch_k).keys
        if len(keys) == 0:
            return no_hits(len(query))
        vectors = np.asarray(index.get(keys), dtype=np.float32)
        return hits_in_docstore(self.store, [*map(str, keys)], vectors, self.note())

    def note(self) -> str | None:
        """The precision of the index, if it is lower than float32."""
        precision = str(self.store.index.dtype).rpartition(".")[2].lower()
        return None if precision in ("f32", "f64") else f"stored as {precision}"
