"""`langchain_qdrant.QdrantVectorStore`: a local or remote collection, its dense vectors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from inspect import iscoroutinefunction
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
from langchain_core.documents import Document

from langchain_sift.stores.client_reader import Ask, ClientReader
from langchain_sift.stores.hits import hits_of
from langchain_sift.stores.qdrant_local import Rows, is_written, local_collection, read_rows
from langchain_sift.stores.rows import hits_of_rows
from langchain_sift.stores.writers import undisturbed
from sift_retrievers.retrieval import Hits, StoredVector
from sift_retrievers.retrieval.work import finished

Vector = npt.NDArray[np.float32]
_notes: WeakKeyDictionary[Any, str | None] = WeakKeyDictionary()


class QdrantReader(ClientReader):
    """Vectors as the collection holds them, of unit length if its distance is the cosine.

    A server returns whole rows. In local mode (`QdrantClient(":memory:")`, or with a path) the rows
    are read from the arrays of the client, and read again if another thread wrote to one of them
    in the meantime. This is not possible with a local client that is wrapped, patched or
    subclassed. Such a client is asked as a server is, and may return a row that is being replaced
    with its new text and its old vector.

    A store with an `AsyncQdrantClient` can be used in asynchronous calls (`ainvoke`) only. It must
    be made with `validate_collection_config=False`, as the validation is a synchronous call.
    """

    async def find(
        self,
        ask: Ask,
        query: Vector,
        fetch_k: int,
        *,
        filter: Any = None,
        search_params: Any = None,
        offset: int = 0,
        consistency: Any = None,
        **options: Any,
    ) -> Hits[Document]:
        """The nearest by the dense vectors alone, even if the store's own search is hybrid.

        Args:
            ask: calls the client.
            query: `[d]`.
            fetch_k: hits wanted.
            filter: a `qdrant_client.models.Filter`.
            search_params: as for the store's own search.
            offset: as for the store's own search.
            consistency: as for the store's own search.
            **options: further arguments of the client's `query_points`.
        """
        store, name = self.store, self.store.vector_name
        note = await self._described(ask)  # an error if there are no vectors of that name
        asked = {
            "collection_name": store.collection_name,
            "query": query.tolist(),
            "using": name,
            "query_filter": filter,
            "search_params": search_params,
            "limit": fetch_k,
            "offset": offset,
            "consistency": consistency,
            **options,
        }
        collection = local_collection(store, "query_points")
        if collection is None:
            whole = {"with_payload": True, "with_vectors": [name] if name else True}
            answer = await ask("query_points", **asked, **whole)
            return self._hits(_rows_of(answer.points, name), query, note)

        def find() -> Any:
            if search_params is consistency is None and offset == 0 and not options:
                # The client's method would convert the query and all vectors to float64.
                return collection.search(
                    (name, query), query_filter=filter, limit=fetch_k, with_payload=False
                )
            return self.call("query_points", **asked, with_payload=False).points

        rows = undisturbed(lambda: _in_place(collection, name, find, filter), store)
        return self._hits(rows, query, note)

    async def look_up(self, ask: Ask, ids: Sequence[str]) -> Mapping[str, StoredVector]:
        """The vectors of those ids that the collection has."""
        store, name = self.store, self.store.vector_name
        await self._described(ask)  # for `note`
        keys = [key for key in map(_key, ids) if key is not None]
        collection = local_collection(store, "retrieve")
        if collection is not None:
            rows = undisturbed(lambda: read_rows(collection, name, keys, None), store)
        else:
            points = await ask(
                "retrieve",
                collection_name=store.collection_name,
                ids=keys,
                with_payload=[store.content_payload_key],
                with_vectors=[name] if name else True,
            )
            rows = _rows_of(points, name)
        return {
            str(point): StoredVector(vector, (payload or {}).get(store.content_payload_key) or "")
            for point, vector, payload in zip(*rows, strict=True)
        }

    def note(self) -> str | None:
        """How the collection changes its vectors; None if it does not.

        The collection is asked once for each store, since the answer stays the same.

        Raises:
            ValueError: if the collection has no dense vectors of the store's name.
        """
        return finished(self._described(self._call))

    @property
    def client(self) -> Any:
        return super().client if self.searches_async else self.store.client

    @property
    def aclient(self) -> Any:
        return self.store.client

    @property
    def searches_async(self) -> bool:
        """Whether the store's client is an `AsyncQdrantClient`."""
        return iscoroutinefunction(getattr(self.store.client, "query_points", None))

    async def _described(self, ask: Ask) -> str | None:
        """The value of `note`."""
        store = self.store
        if store not in _notes:
            collection = await ask("get_collection", collection_name=store.collection_name)
            _notes[store] = _note(store, collection.config.params.vectors)
        return _notes[store]

    def _hits(self, rows: Rows, query: Vector, note: str | None) -> Hits[Document]:
        """Hits whose documents are those that the store's own search would make."""
        store = self.store
        if _builds_documents_in_another_way(store):
            documents = [*map(partial(_document, store), rows.ids, rows.payloads)]
            return hits_of(documents, rows.vectors, query, note=note)
        payloads = [payload or {} for payload in rows.payloads]
        own = {"_collection_name": store.collection_name}
        return hits_of_rows(
            query,
            ids=[str(point) for point in rows.ids],
            texts=[payload.get(store.content_payload_key) for payload in payloads],
            metadata=[
                {**(payload.get(store.metadata_payload_key) or {}), "_id": point, **own}
                for point, payload in zip(rows.ids, payloads, strict=True)
            ],
            vectors=rows.vectors,
            note=note,
        )


def _in_place(collection: Any, name: str, find: Callable[[], Any], filter: Any) -> Rows | None:
    """The rows that `find` finds in a local collection; None if one was written to meanwhile."""
    if is_written(collection):
        return None
    known = len(collection.ids)
    try:
        points = find()
        return read_rows(collection, name, [point.id for point in points], filter)
    except Exception:  # the client's own search fails where a point is being added
        if is_written(collection) or len(collection.ids) != known:
            return None
        raise


def _rows_of(points: Sequence[Any], name: str) -> Rows:
    """The rows of points that a client returned."""
    vectors = [_dense(point, name) for point in points]
    return Rows([p.id for p in points], vectors, [p.payload for p in points])


def _dense(point: Any, name: str) -> Any:
    return point.vector.get(name) if isinstance(point.vector, dict) else point.vector


def _builds_documents_in_another_way(store: Any) -> bool:
    """Whether the store is of a subclass that overrides how documents are made."""
    brought = (cls for cls in type(store).__mro__ if "_document_from_point" in vars(cls))
    return next(brought).__name__ != "QdrantVectorStore"


def _document(store: Any, point: Any, payload: Any) -> Document:
    """The document of a point, by the store's own method, which is given copies to change."""
    from qdrant_client.models import ScoredPoint

    payload = dict(payload or {})
    key = store.metadata_payload_key
    payload[key] = dict(payload.get(key) or {})
    found: Document = store._document_from_point(
        ScoredPoint(id=point, version=0, score=0.0, payload=payload),
        store.collection_name,
        store.content_payload_key,
        key,
    )
    found.id = str(point)
    return found


def _note(store: Any, config: Any) -> str | None:
    if isinstance(config, dict):
        config = config.get(store.vector_name)
    if config is None:
        raise ValueError(
            f"the Qdrant collection {store.collection_name!r} has no dense vectors named "
            f"{store.vector_name!r}: pass the store with vector_name= of its dense vectors"
        )
    notes = []
    if config.distance == "Cosine":
        notes.append("scaled to unit length by the collection's cosine distance")
    if config.datatype not in (None, "float32"):
        notes.append(f"stored as {config.datatype}")
    return ", ".join(notes) or None


def _key(name: str) -> int | str | None:
    """An id as Qdrant has it, a number or a UUID; None if the name is neither."""
    if name.isdecimal():
        return int(name)
    try:
        return str(UUID(name))
    except ValueError:
        return None
