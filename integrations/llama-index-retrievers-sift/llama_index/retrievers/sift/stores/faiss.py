"""`FaissVectorStore` and `FaissMapVectorStore`: a FAISS index. The texts are in the docstore."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llama_index.retrievers.sift.stores.in_flight import ids_in_flight, writes_of_index
from sift_retrievers.retrieval import StoredVector, StoreReader


class FaissReader(StoreReader[Any]):
    """Vectors as the index reconstructs them. The ids are positions in the index.

    A FAISS index must not be searched while another thread writes to it.
    """

    ids_are_positions = True

    def vectors_by_id(self, ids: Sequence[str]) -> dict[str, StoredVector]:
        """The vectors of some ids; empty if the index cannot reconstruct them.

        Inverted lists without a direct map cannot, nor can an `IndexIDMap`; an `IndexIDMap2` can.
        """
        found = {}
        for name in ids:
            position = self._position(name)
            if position is None:
                continue
            try:
                found[name] = StoredVector(self.store.client.reconstruct(position))
            except RuntimeError:  # the index cannot, or the node was deleted a moment ago
                continue
        return found

    def _position(self, name: str) -> int | None:
        return int(name)


class FaissMapReader(FaissReader):
    """As `FaissReader`, for a store that has a table from the ids of nodes to positions."""

    ids_are_positions = False

    def vectors_by_id(self, ids: Sequence[str]) -> dict[str, StoredVector]:
        """As in `FaissReader`, without the nodes that another thread is writing."""
        found = super().vectors_by_id(ids)
        open_ids = ids_in_flight(writes_of_index(self.store))
        return {name: row for name, row in found.items() if name not in open_ids}

    def _position(self, name: str) -> int | None:
        position: int | None = self.store._node_id_to_faiss_id_map.get(name)
        return position
