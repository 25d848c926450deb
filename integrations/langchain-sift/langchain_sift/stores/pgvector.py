"""`langchain_postgres.PGVector`: PostgreSQL with pgvector, the older of the two stores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt
from langchain_core.documents import Document

from langchain_sift.stores.client_reader import Ask, ClientReader
from langchain_sift.stores.rows import hits_of_rows
from sift_retrievers.retrieval import Hits, StoredVector


class PGVectorReader(ClientReader):
    """Vectors as the embedding model gave them.

    A store with `async_mode` has no synchronous connection. It can be used in asynchronous calls
    (`ainvoke`) only, on the event loop of its engine.
    """

    async def find(
        self,
        ask: Ask,
        query: npt.NDArray[np.float32],
        fetch_k: int,
        *,
        filter: dict[str, Any] | None = None,
    ) -> Hits[Document]:
        """The nearest rows of the collection that pass the filter."""
        found = await ask("query", embedding=query.tolist(), k=fetch_k, filter=filter)
        rows = [row.EmbeddingStore for row in found]
        return hits_of_rows(
            query,
            ids=[str(row.id) for row in rows],
            texts=[row.document for row in rows],
            metadata=[row.cmetadata for row in rows],
            vectors=[row.embedding for row in rows],
        )

    async def look_up(self, ask: Ask, ids: Sequence[str]) -> Mapping[str, StoredVector]:
        """The vectors of those ids that the collection has."""
        rows = await ask("rows", ids=ids)
        return {str(row.id): StoredVector(row.embedding, row.document or "") for row in rows}

    @property
    def searches_async(self) -> bool:
        return bool(self.store.async_mode)

    def call(self, method: str, /, **arguments: Any) -> Any:
        """The rows that a "query" finds, or the "rows" with some ids."""
        store = self.store
        if store.async_mode:
            raise TypeError(
                "this PGVector has an asynchronous connection alone (async_mode): use the "
                "retriever asynchronously (ainvoke, abatch, …)"
            )
        if method == "query":
            return store._PGVector__query_collection(**arguments)
        with store._make_sync_session() as session:
            return session.execute(self._with_ids(**arguments)).scalars().all()

    async def acall(self, method: str, /, **arguments: Any) -> Any:
        """Async version of `call`."""
        store = self.store
        await store.__apost_init__()  # as the store's own searches do
        async with store._make_async_session() as session:
            if method == "query":
                return await store._PGVector__aquery_collection(session=session, **arguments)
            return (await session.execute(self._with_ids(**arguments))).scalars().all()

    def _with_ids(self, ids: Sequence[str]) -> Any:
        row, collection = self.store.EmbeddingStore, self.store.CollectionStore
        every = import_module("sqlalchemy").select(row)
        return every.join(collection, row.collection_id == collection.uuid).where(
            collection.name == self.store.collection_name, row.id.in_([*ids])
        )
