"""`langchain_core.vectorstores.InMemoryVectorStore`: exact cosine search over a dict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from langchain_core.documents import Document

from langchain_sift.stores.hits import hits_of
from langchain_sift.stores.untouched import is_untouched
from sift_retrievers.retrieval import Hits, StoredVector, StoreReader
from sift_retrievers.retrieval.cosines import cosines
from sift_retrievers.retrieval.hits import no_hits, stacked

SEARCH: Final = "_similarity_search_with_score_by_vector"


class InMemoryReader(StoreReader[Document]):
    """Vectors as the embedding model gave them.

    A search reads the records that the store holds when the search begins. Other threads may add,
    replace and delete documents during it, since the store replaces whole records.
    """

    def search(
        self,
        query: npt.NDArray[np.float32],
        fetch_k: int,
        *,
        filter: Callable[[Document], bool] | None = None,
    ) -> Hits[Document]:
        """The nearest by cosine; equally near ones in the order in which they were added.

        Gives the result of the store's own search, computed here with arrays of float32, which the
        selection uses again. `filter` gets a new document each time, which it may keep or change.
        """
        if filter is not None and not callable(filter):
            raise TypeError(
                "filter of InMemoryVectorStore must be a callable on a Document; got "
                f"{type(filter).__name__}"
            )
        if not is_untouched(self.store, SEARCH, "langchain_core"):
            return self._by_its_own_search(query, fetch_k, filter)
        # `list` copies a dict's values in one step: other threads may write to the dict.
        records = list(self.store.store.values())
        if filter is not None:
            records = [record for record in records if filter(_document(record))]
        if not records:
            return no_hits(len(query))
        vectors = stacked([r["vector"] for r in records], [r["id"] for r in records], len(query))
        if vectors.shape[1] == len(query):  # if not, `check_hits` raises the error
            similarities = cosines(vectors, query[None])[0]
            nearest = np.argsort(-similarities, kind="stable")[:fetch_k]
            records, vectors = [records[i] for i in nearest.tolist()], vectors[nearest]
        return Hits(
            vectors=vectors,
            ids=[record["id"] for record in records],
            texts=[record["text"] or "" for record in records],
            metadata=[record["metadata"] for record in records],
            document=lambda i: _document(records[i]),
        )

    def vectors_by_id(self, ids: Sequence[str]) -> dict[str, StoredVector]:
        """The vectors of those ids that the store has."""
        found = {name: self.store.store.get(name) for name in ids}
        return {
            name: StoredVector(record["vector"], record["text"])
            for name, record in found.items()
            if record is not None
        }

    def _by_its_own_search(
        self,
        query: npt.NDArray[np.float32],
        fetch_k: int,
        filter: Callable[[Document], bool] | None,
    ) -> Hits[Document]:
        """The hits of the store's own method, for a store whose search is overridden or patched."""
        found = getattr(self.store, SEARCH)(query.tolist(), fetch_k, filter)
        return hits_of([row[0] for row in found], [row[2] for row in found], query)


def _document(record: dict[str, Any]) -> Document:
    """The document of a record, as the store's own search makes it."""
    return Document(id=record["id"], page_content=record["text"] or "", metadata=record["metadata"])
