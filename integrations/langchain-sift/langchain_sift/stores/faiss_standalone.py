"""`langchain_faiss.Faiss`: the FAISS store of a separate package, not of langchain-community."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from langchain_core.documents import Document

from langchain_sift.stores.docstore import hits_with_ids
from langchain_sift.stores.faiss_index import check_dimension, lossy, nearest
from langchain_sift.stores.writers import is_running, undisturbed
from sift_retrievers.retrieval import Hits, StoredVector, StoreReader
from sift_retrievers.retrieval.hits import no_hits

T = TypeVar("T")


class StandaloneFAISSReader(StoreReader[Document]):
    """Vectors as the index holds them.

    The store keeps its documents under the numbers that the vectors have in the index, and never
    uses a number twice. It has no lock, so a search is repeated if another thread wrote while it
    ran. Two threads that write at the same time damage the store itself.
    """

    def search(self, query: npt.NDArray[np.float32], fetch_k: int) -> Hits[Document]:
        """The nearest documents. The store's search takes no filter."""
        return self._undisturbed(lambda: self._nearest(query, fetch_k))

    def vectors_by_id(self, ids: Sequence[str]) -> dict[str, StoredVector]:
        """The vectors of those ids that the store has.

        If several documents have the same id, that of the latest.
        """
        wanted = {*ids}
        return self._undisturbed(lambda: self._stored(wanted))

    def note(self) -> str | None:
        """How the index changes the vectors; None if it does not."""
        return lossy(_parts(self.store.index)[0])

    def _nearest(self, query: npt.NDArray[np.float32], fetch_k: int) -> Hits[Document]:
        store = self.store
        if store.index.ntotal == 0:  # then it may have no dimension either
            return no_hits(len(query))
        check_dimension(store.index, query)
        index, numbers = _parts(store.index)
        positions, vectors = nearest(index, query, fetch_k)
        found = [store._docs.get(numbers(at)) for at in positions.tolist()]
        kept = [i for i, document in enumerate(found) if document is not None]
        documents = [document for document in found if document is not None]
        ids = [str(document.metadata["_id"]) for document in documents]
        return hits_with_ids(
            documents, ids, vectors if len(kept) == len(found) else vectors[kept], self.note()
        )

    def _stored(self, wanted: set[str]) -> dict[str, StoredVector]:
        store = self.store
        index, numbers = _parts(store.index)
        documents = [store._docs.get(numbers(at)) for at in range(index.ntotal)]
        return {
            str(document.metadata["_id"]): StoredVector(
                index.reconstruct(at), document.page_content or ""
            )
            for at, document in enumerate(documents)
            if document is not None and str(document.metadata["_id"]) in wanted
        }

    def _undisturbed(self, read: Callable[[], T]) -> T:
        """The result of a call of `read` during which nobody wrote to the store."""

        def attempt() -> T | None:
            before = self._state()
            # Not while somebody writes: a later write could lead back to the same state.
            if self._written_since(before):
                return None
            try:
                found = read()
            except Exception:  # the index does not have one of the positions, or not yet
                if self._written_since(before):
                    return None
                raise
            return None if self._written_since(before) else found

        return undisturbed(attempt, self.store)

    def _state(self) -> tuple[Any, int, int]:
        """Values of which at least one is changed by every completed addition and deletion."""
        store = self.store
        return store.index, store.index.ntotal, store._next_id

    def _written_since(self, before: tuple[Any, int, int]) -> bool:
        """Whether somebody is writing, or has written since that state."""
        writers = [
            method
            for cls in type(self.store).__mro__
            for name, method in vars(cls).items()
            if name == "delete" or name.startswith("add_")
        ]
        # In this order: a writer that ends after the first check has changed the state before the
        # second.
        return is_running(*writers) or self._state() != before


def _parts(index: Any) -> tuple[Any, Callable[[int], int]]:
    """The index that holds the vectors, and a function from positions in it to document numbers.

    The outer `IndexIDMap` knows these numbers, but cannot return the vector of one.
    """
    import faiss

    outer = faiss.downcast_index(index)
    if isinstance(outer, faiss.IndexIDMap):
        return faiss.downcast_index(outer.index), outer.id_map.at
    return outer, int
