"""`langchain_postgres.PGVectorStore`: PostgreSQL with pgvector, one table a store."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt
from langchain_core.documents import Document

from langchain_sift.stores.client_reader import Ask, ClientReader
from langchain_sift.stores.rows import hits_of_rows
from sift_retrievers.retrieval import Hits, StoredVector


class PGVectorStoreReader(ClientReader):
    """Vectors as the embedding model gave them.

    Queries run on the event loop of the store's engine. An engine that was made by
    `PGEngine.from_engine` without a loop has none. Its store can be used in asynchronous calls
    (`ainvoke`) only.
    """

    async def find(
        self,
        ask: Ask,
        query: npt.NDArray[np.float32],
        fetch_k: int,
        *,
        filter: dict[str, Any] | None = None,
        hybrid_search_config: Any = None,
    ) -> Hits[Document]:
        """The nearest rows of the table that pass the filter."""
        table = self._table
        hybrid = (
            {} if hybrid_search_config is None else {"hybrid_search_config": hybrid_search_config}
        )
        found = await ask(
            table._AsyncPGVectorStore__query_collection,
            embedding=query.tolist(),
            k=fetch_k,
            filter=filter,
            **hybrid,
        )
        return hits_of_rows(
            query,
            ids=[str(row[table.id_column]) for row in found],
            texts=[row[table.content_column] for row in found],
            metadata=[self._metadata(row) for row in found],
            vectors=[_read(row[table.embedding_column]) for row in found],
        )

    async def look_up(self, ask: Ask, ids: Sequence[str]) -> Mapping[str, StoredVector]:
        """The vectors of those ids that the table has."""
        table = self._table
        return {
            str(row[table.id_column]): StoredVector(
                _read(row[table.embedding_column]), row[table.content_column] or ""
            )
            for row in await ask(self._rows, ids=ids)
        }

    @property
    def searches_async(self) -> bool:
        return True

    def call(self, query: Callable[..., Awaitable[Any]], /, **arguments: Any) -> Any:
        """The rows of a query, which is run on the event loop of the engine."""
        if self.store._engine._loop is None:
            raise TypeError(
                "the engine of this PGVectorStore has no event loop of its own (it is from "
                "PGEngine.from_engine): use the retriever asynchronously (ainvoke, abatch, …), or "
                "make the engine with PGEngine.from_connection_string"
            )
        return self.store._engine._run_as_sync(query(**arguments))

    async def acall(self, query: Callable[..., Awaitable[Any]], /, **arguments: Any) -> Any:
        """Async version of `call`."""
        return await self.store._engine._run_as_async(query(**arguments))

    async def _rows(self, ids: Sequence[str]) -> Any:
        sql = import_module("sqlalchemy")
        table = self._table
        names = (table.id_column, table.content_column, table.embedding_column)
        rows = sql.table(table.table_name, *map(sql.column, names), schema=table.schema_name)
        asked = sql.select(rows).where(sql.cast(rows.c[table.id_column], sql.Text).in_([*ids]))
        async with table.engine.connect() as connection:
            return (await connection.execute(asked)).mappings().all()

    @property
    def _table(self) -> Any:
        return self.store._PGVectorStore__vs

    def _metadata(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The metadata of a row: its metadata columns, and the JSON column with all others."""
        table = self._table
        rest = row[table.metadata_json_column] if table.metadata_json_column else None
        return {**(rest or {}), **{column: row[column] for column in table.metadata_columns}}


def _read(vector: Any) -> Any:
    """The numbers of a vector, which the driver may return as text."""
    return json.loads(vector) if isinstance(vector, str) else vector
