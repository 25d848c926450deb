"""`langchain_community.vectorstores.FAISS`: any faiss index that can reconstruct its vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from langchain_core.documents import Document

from langchain_sift.stores.docstore import document_of, hits_with_ids
from langchain_sift.stores.faiss_index import check_dimension, lossy, nearest, nearest_among
from langchain_sift.stores.writers import is_running, undisturbed
from sift_retrievers.retrieval import Hits, StoredVector, StoreReader

Filter = Callable[[dict[str, Any]], bool] | dict[str, Any]
Vector = npt.NDArray[np.float32]


class FAISSReader(StoreReader[Document]):
    """Vectors as the index holds them, of unit length if the store was made with `normalize_L2`.

    The store has no lock around its three parts: the index, the map from positions in the index to
    ids, and the documents. Another thread may add and delete documents during a search. A deletion
    moves all later vectors to other positions, so a search is repeated if something was deleted
    while it ran. Two threads that write at the same time damage the store itself.
    """

    def search(
        self, query: Vector, fetch_k: int, *, filter: Filter | None = None
    ) -> Hits[Document]:
        """The nearest documents; with a filter, exactly the nearest of all that pass it.

        The store's own search applies the filter only to its nearest documents.
        """
        store = self.store
        check_dimension(store.index, query)
        if store._normalize_L2:
            query = query / np.linalg.norm(query)
        accepts, passing = None, None
        if filter is not None:
            accepts = store._create_filter_func(filter)
            passing = self._passing(accepts)
        return undisturbed(lambda: self._read(query, fetch_k, accepts, passing), store)

    def vectors_by_id(self, ids: Sequence[str]) -> dict[str, StoredVector]:
        """The vectors of those ids that the store has.

        Empty if the index cannot return single vectors.
        """
        wanted = {*ids}

        def read() -> dict[str, StoredVector] | None:
            index, names = self.store.index, self.store.index_to_docstore_id
            known = len(names)
            positions = {name: at for at, name in names.copy().items() if name in wanted}
            try:
                vectors = {name: index.reconstruct(at) for name, at in positions.items()}
            except RuntimeError:
                return None if self._deleted_meanwhile(index, names, known) else {}
            found = {name: document_of(self.store, name) for name in positions}
            if self._deleted_meanwhile(index, names, known):
                return None
            return {
                name: StoredVector(vectors[name], document.page_content or "")
                for name, document in found.items()
                if document is not None
            }

        return undisturbed(read, self.store)

    def note(self) -> str | None:
        """How the index or `normalize_L2` changes the vectors; None if they do not."""
        if self.store._normalize_L2:
            return "scaled to unit length by normalize_L2"
        return lossy(self.store.index)

    def _passing(self, accepts: Callable[[dict[str, Any]], bool]) -> set[str]:
        """The ids of all documents that pass a filter."""
        names = self.store.index_to_docstore_id.copy().values()
        documents = ((name, document_of(self.store, name)) for name in names)
        return {
            name
            for name, document in documents
            if document is not None and accepts(document.metadata)
        }

    def _read(
        self,
        query: Vector,
        fetch_k: int,
        accepts: Callable[[dict[str, Any]], bool] | None,
        passing: set[str] | None,
    ) -> Hits[Document] | None:
        """The hits; None if something was deleted while they were read.

        The filter is applied again to each document that is read, since there may be another
        document under the same id by now.
        """
        store = self.store
        # A deletion does not change this map, it replaces it.
        index, names = store.index, store.index_to_docstore_id
        known = len(names)
        try:
            if passing is None:
                labels, vectors = nearest(index, query, fetch_k)
            else:
                allowed = [at for at, name in names.copy().items() if name in passing]
                labels, vectors = nearest_among(
                    index, query, np.array(allowed, dtype=np.int64), fetch_k
                )
        except Exception:  # the index no longer has one of the positions
            if self._deleted_meanwhile(index, names, known):
                return None
            raise
        rows: list[tuple[int, str, Document]] = []
        for i, label in enumerate(labels.tolist()):
            name = names.get(label)
            # A vector that was added during the search may have no document yet.
            document = None if name is None else document_of(store, name)
            if name is not None and document is not None:
                rows.append((i, name, document))
        if self._deleted_meanwhile(index, names, known):
            return None
        if accepts is not None:
            rows = [row for row in rows if accepts(row[2].metadata)]
        if len(rows) < len(vectors):
            vectors = vectors[[i for i, _, _ in rows]]
        return hits_with_ids(
            [document for _, _, document in rows],
            [name for _, name, _ in rows],
            vectors,
            self.note(),
        )

    def _deleted_meanwhile(self, index: Any, names: dict[int, str], known: int) -> bool:
        """Whether vectors may have moved to other positions since the index and its map were read.

        A deletion first removes the vectors from the index, then deletes the documents, and then
        replaces the map. The size of the index changes after all vectors have been moved.
        """
        deletions = [vars(cls).get("delete") for cls in type(self.store).__mro__]
        return (
            # First, because a deletion that ends after this question has replaced the map by then.
            is_running(*deletions)
            or self.store.index_to_docstore_id is not names
            or self.store.index is not index
            or index.ntotal < known
        )
