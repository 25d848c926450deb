"""`langchain_community.vectorstores.DuckDB`: one SQL query for each search."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from langchain_core.documents import Document

from langchain_sift.stores.rows import hits_of_rows
from langchain_sift.stores.sql import identifier
from sift_retrievers.retrieval import Hits, StoredVector, StoreReader


class DuckDBReader(StoreReader[Document]):
    """Vectors as the embedding model gave them.

    Each query has its own cursor, so that several threads can search. A cursor sees what is
    committed.
    """

    def search(self, query: npt.NDArray[np.float32], fetch_k: int) -> Hits[Document]:
        """The nearest rows by cosine. The store's search takes no filter."""
        store = self.store
        vector = identifier(store._vector_key)
        similarity = f"list_cosine_similarity({vector}, ?::FLOAT[])"
        rows = self._select(
            f"{identifier(store._id_key)}, {identifier(store._text_key)}, metadata, {vector}",
            # The similarity of a zero vector is NaN, which DuckDB would sort first.
            f"ORDER BY coalesce(nullif({similarity}, 'NaN'::FLOAT), -2) DESC LIMIT ?",
            [query.tolist(), fetch_k],
        )
        return hits_of_rows(
            query,
            ids=[str(row[0]) for row in rows],
            texts=[row[1] for row in rows],
            metadata=[json.loads(row[2] or "{}") for row in rows],
            vectors=[row[3] for row in rows],
        )

    def vectors_by_id(self, ids: Sequence[str]) -> dict[str, StoredVector]:
        """The vectors of those ids that the table has."""
        store = self.store
        name = identifier(store._id_key)
        rows = self._select(
            f"{name}, {identifier(store._vector_key)}, {identifier(store._text_key)}",
            f"WHERE {name} IN (SELECT unnest(?))",
            [[*ids]],
        )
        return {str(key): StoredVector(vector, text or "") for key, vector, text in rows}

    def _select(self, columns: str, rest: str, values: list[Any]) -> list[tuple[Any, ...]]:
        """The rows of a query. The table's name is not quoted, as in the store's own queries."""
        cursor = self.store._connection.cursor()
        try:
            found: list[tuple[Any, ...]] = cursor.execute(
                f"SELECT {columns} FROM {self.store._table_name} {rest}", values
            ).fetchall()
        finally:
            cursor.close()
        return found
