"""`SimpleVectorStore`: a dict of vectors. The texts are in the index's docstore."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llama_index.retrievers.sift.stores.in_flight import ids_in_flight, writes_of_index
from sift_retrievers.retrieval import StoredVector, StoreReader


class SimpleReader(StoreReader[Any]):
    """Vectors as the embedding model gave them."""

    def vectors_by_id(self, ids: Sequence[str]) -> dict[str, StoredVector]:
        """The vectors of those ids that the store has and no other thread is writing."""
        kept = self.store.data.embedding_dict
        found = {name: kept.get(name) for name in ids}
        open_ids = ids_in_flight(writes_of_index(self.store))
        return {
            name: StoredVector(vector)
            for name, vector in found.items()
            if vector is not None and name not in open_ids
        }
