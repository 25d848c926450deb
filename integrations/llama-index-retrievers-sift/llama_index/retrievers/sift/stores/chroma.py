"""`ChromaVectorStore`: one call with the embeddings included."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def fetch(store: Any, ids: Sequence[str]) -> dict[str, Any]:
    """Vectors as the embedding model gave them."""
    found = store._collection.get(ids=[*ids], include=["embeddings"])
    return dict(zip(found["ids"], found["embeddings"], strict=True))
