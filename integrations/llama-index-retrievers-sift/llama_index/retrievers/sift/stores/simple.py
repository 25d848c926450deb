"""`SimpleVectorStore`: a dict of vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def fetch(store: Any, ids: Sequence[str]) -> dict[str, Any]:
    """Vectors as the embedding model gave them."""
    kept = store.data.embedding_dict
    return {name: kept[name] for name in ids if name in kept}
