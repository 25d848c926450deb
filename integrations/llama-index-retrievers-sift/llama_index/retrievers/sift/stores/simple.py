"""`SimpleVectorStore`: a dict of vectors. The texts are in the index's docstore."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from llama_index.core.indices.vector_store.base import VectorStoreIndex
from llama_index.core.vector_stores.simple import SimpleVectorStore

from llama_index.retrievers.sift.stores.in_flight import ids_in_flight, ids_of_nodes
from sift_retrievers.retrieval import StoredVector, StoreReader

WRITES: Final = (
    (SimpleVectorStore.add, ids_of_nodes("nodes")),
    (VectorStoreIndex._add_nodes_to_index, ids_of_nodes("nodes_batch")),
    (VectorStoreIndex._async_add_nodes_to_index, ids_of_nodes("nodes_batch")),
)
"""The index writes the vectors of a batch, and then its nodes into the docstore."""


class SimpleReader(StoreReader[Any]):
    """Vectors as the embedding model gave them."""

    def vectors_by_id(self, ids: Sequence[str]) -> dict[str, StoredVector]:
        """The vectors of those ids that the store has, and nobody is writing."""
        kept = self.store.data.embedding_dict
        found = {name: kept.get(name) for name in ids}
        open_ids = ids_in_flight(WRITES)
        return {
            name: StoredVector(vector)
            for name, vector in found.items()
            if vector is not None and name not in open_ids
        }
