"""Stores whose `get_nodes` returns nodes with their vectors: Qdrant, Postgres."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def fetch(store: Any, ids: Sequence[str]) -> dict[str, Any]:
    """Vectors as the store holds them (of unit length in Qdrant with cosine distance)."""
    nodes = store.get_nodes(node_ids=[*ids])
    return {node.node_id: _numbers(node.embedding) for node in nodes if node.embedding is not None}


def _numbers(vector: Any) -> Any:
    """Pgvector's vectors of half precision are objects of its own."""
    return vector.to_list() if hasattr(vector, "to_list") else vector
