"""`LanceDBVectorStore`: the vector and text columns of the rows with some ids.

The store's own `get_nodes` is not used: it quotes ids as LanceDB quotes column names, and returns
at most ten nodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sift_retrievers.retrieval import StoredVector, StoreReader


class LanceDBReader(StoreReader[Any]):
    """Vectors as the embedding model gave them."""

    def vectors_by_id(self, ids: Sequence[str]) -> dict[str, StoredVector]:
        """The vectors of those ids that the table has, with their texts."""
        store = self.store
        quoted = ", ".join("'" + name.replace("'", "''") + "'" for name in ids)
        rows = (
            store.table.search()
            .where(f"id IN ({quoted})")
            .select(["id", store.text_key, store.vector_column_name])
            .limit(len(ids))
            .to_arrow()
        )
        columns = (
            rows[name].to_pylist() for name in ("id", store.vector_column_name, store.text_key)
        )
        return {
            name: StoredVector(vector, text or "")
            for name, vector, text in zip(*columns, strict=True)
        }
