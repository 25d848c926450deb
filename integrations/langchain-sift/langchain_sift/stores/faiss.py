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

    The store keeps positions in the index, their ids, and the documents apart, and has no lock.
    Another thread may add and delete while this one searches: a search during which something was
    deleted is made again, since a deletion moves all later vectors to other positions. Two threads
    that write at the same time damage the store itself.
    """

    def search(
        self, query: Vector, fetch_k: int, *, filter: Filter | None = None
    ) -> Hits[Document]:
        """The nearest; with a filter the nearest of all that pass it, exactly.

        The store's own search filters what is left after the cut.
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
        """The vectors of those ids that the store has; none from an index that cannot tell one."""
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
        """What the index or `normalize_L2` does to the vectors."""
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

        A document is filtered again when it is read: by now it may be another under the same id.
        """
        store = self.store
        index, names = store.index, store.index_to_docstore_id  # a deletion makes a new map
        known = len(names)
        try:
            if passing is None:
                labels, vectors = nearest(index, query, fetch_k)
            else:
                allowed = [at for at, name in names.copy().items() if name in passing]
                labels, vectors = nearest_among(
                    index, query, np.array(allowed, dtype=np.int64), fetch_k
                )
        except Exception:  # of a position that is not there any more
            if self._deleted_meanwhile(index, names, known):
                return None
            raise
        rows: list[tuple[int, str, Document]] = []
        for i, label in enumerate(labels.tolist()):
            name = names.get(label)
            document = None if name is None else document_of(store, name)  # None: added meanwhile
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
        """Whether positions may have moved since the index and its map of ids were looked up.

        A deletion takes the vectors out of the index, then deletes the documents, then replaces the
        map. The index tells its new size only when all vectors have been moved.
        """
        deletions = [vars(cls).get("delete") for cls in type(self.store).__mro__]
        return (
            is_running(*deletions)  # first: one that ends after this has replaced the map by then
            or self.store.index_to_docstore_id is not names
            or self.store.index is not index
            or index.ntotal < known
        )
