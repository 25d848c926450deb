"""`SimpleVectorStore`: a dict of vectors. The texts are in the index's docstore."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sift_retrievers.retrieval import StoredVector, StoreReader


class SimpleReader(StoreReader[Any]):
    """Vectors as the embedding model gave them."""

    def vectors_by_id(self, ids: Sequence[str]) -> dict[str, StoredVector]:
        """The vectors of those ids that the store has."""
        kept = self.store.data.embedding_dict
        found = ((name, kept.get(name)) for name in ids)
        return {name: StoredVector(vector) for name, vector in found if vector is not None}
