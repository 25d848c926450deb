"""`ChromaVectorStore`: one call with embeddings and documents included."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sift_retrievers.retrieval import StoredVector, StoreReader


class ChromaReader(StoreReader[Any]):
    """Vectors as the embedding model gave them."""

    def vectors_by_id(self, ids: Sequence[str]) -> dict[str, StoredVector]:
        """The vectors of those ids that the collection has, with their texts."""
        found = self.store._collection.get(ids=[*ids], include=["embeddings", "documents"])
        rows = zip(found["ids"], found["embeddings"], found["documents"], strict=True)
        return {name: StoredVector(vector, text or "") for name, vector, text in rows}
