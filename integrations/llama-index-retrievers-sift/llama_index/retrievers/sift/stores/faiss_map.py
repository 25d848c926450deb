"""`FaissMapVectorStore`: node ids beside the index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def fetch(store: Any, ids: Sequence[str]) -> dict[str, Any]:
    """Vectors as the index reconstructs them; none from an IDMap, which cannot (an IDMap2 can)."""
    positions = store._node_id_to_faiss_id_map
    try:
        return {n: store.client.reconstruct(positions[n]) for n in ids if n in positions}
    except RuntimeError:
        return {}
