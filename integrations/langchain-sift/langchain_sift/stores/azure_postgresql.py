"""`langchain_azure_postgresql`'s stores: PostgreSQL with pgvector, one table a store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt
from langchain_core.documents import Document

from langchain_sift.stores.client_reader import Ask, ClientReader
from langchain_sift.stores.hits import hits_of
from langchain_sift.stores.ids import is_uuid
from sift_retrievers.retrieval import Hits, StoredVector


class AzurePGReader(ClientReader):
    """Vectors in the precision of their column.

    Reads an `AzurePGVectorStore`, and an `AsyncAzurePGVectorStore` in `ainvoke`.
    """

    async def find(
        self,
        ask: Ask,
        query: npt.NDArray[np.float32],
        fetch_k: int,
        *,
        filter: Any = None,
        top_m: int | None = None,
    ) -> Hits[Document]:
        """The nearest rows that pass the filter.

        With a quantised index, its `top_m` nearest rows are ranked again by their full vectors.
        """
        found = await ask(
            "search",
            embedding=query.tolist(),
            k=fetch_k,
            filter=filter,
            return_embeddings=True,
            **({} if top_m is None else {"top_m": top_m}),
        )
        documents, vectors = [row[0] for row in found], [row[2] for row in found]
        return hits_of(documents, vectors, query, note=self.note())

    async def look_up(self, ask: Ask, ids: Sequence[str]) -> Mapping[str, StoredVector]:
        """The vectors of those ids that the table has."""
        rows = await ask("rows", ids=[name for name in ids if is_uuid(name)])
        return {
            str(name): StoredVector(_numbers(vector), text or "")
            for name, text, vector in rows
            if vector is not None
        }

    def note(self) -> str | None:
        kind = getattr(self.store.embedding_type, "value", None)
        return None if kind in (None, "vector") else f"stored as {kind}"

    @property
    def searches_async(self) -> bool:
        """Whether the store is an `AsyncAzurePGVectorStore`."""
        return hasattr(self.store, "_asimilarity_search_by_vector_with_distance")

    def call(self, method: str, /, **arguments: Any) -> Any:
        """The store's search, or the rows with some ids."""
        if self.searches_async:
            return self.client  # raises the error for a store without a synchronous client
        if method == "search":
            return self.store._similarity_search_by_vector_with_distance(**arguments)
        with self.store._connection() as connection:
            _pgvector().register_vector(connection)
            return connection.execute(self._statement(), arguments).fetchall()

    async def acall(self, method: str, /, **arguments: Any) -> Any:
        """Async version of `call`."""
        if method == "search":
            return await self.store._asimilarity_search_by_vector_with_distance(**arguments)
        async with self.store._connection() as connection:
            await _pgvector().register_vector_async(connection)
            return await (await connection.execute(self._statement(), arguments)).fetchall()

    def _statement(self) -> Any:
        sql, store = import_module("psycopg.sql"), self.store
        columns = (store.id_column, store.content_column, store.embedding_column)
        return sql.SQL("select {columns} from {table} where {id} = any(%(ids)s::uuid[])").format(
            columns=sql.SQL(", ").join(map(sql.Identifier, columns)),
            table=sql.Identifier(store.schema_name, store.table_name),
            id=sql.Identifier(store.id_column),
        )


def _numbers(vector: Any) -> Any:
    """A vector of any of pgvector's types as an array."""
    return vector.to_numpy() if hasattr(vector, "to_numpy") else vector


def _pgvector() -> Any:
    return import_module("pgvector.psycopg")
