"""`FaissVectorStore`: its ids are positions in the index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def fetch(store: Any, ids: Sequence[str]) -> dict[str, Any]:
    """Vectors as the index reconstructs them.

    Raises:
        RuntimeError: faiss's own, for inverted lists without `make_direct_map()`.
    """
    return {name: store.client.reconstruct(int(name)) for name in ids}
