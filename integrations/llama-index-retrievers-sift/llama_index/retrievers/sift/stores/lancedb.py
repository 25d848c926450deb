"""`LanceDBVectorStore`: the vector column of the rows under some ids.

Its own `get_nodes` quotes ids in a way that LanceDB reads as column names, and returns at most ten.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def fetch(store: Any, ids: Sequence[str]) -> dict[str, Any]:
    """Vectors as the embedding model gave them."""
    column = store.vector_column_name
    quoted = ", ".join("'" + name.replace("'", "''") + "'" for name in ids)
    rows = (
        store.table.search()
        .where(f"id IN ({quoted})")
        .select(["id", column])
        .limit(len(ids))
        .to_arrow()
    )
    return dict(zip(rows["id"].to_pylist(), rows[column].to_pylist(), strict=True))
