"""`NodeRowsReader`: for stores whose `get_nodes` returns nodes with their vectors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from llama_index.core.schema import BaseNode

from llama_index.retrievers.sift.nodes import plain_text
from sift_retrievers.retrieval import StoredVector, StoreReader


class NodeRowsReader(StoreReader[Any]):
    """Vectors as the store holds them."""

    def vectors_by_id(self, ids: Sequence[str]) -> dict[str, StoredVector]:
        """The vectors of those ids that the store has, with their texts."""
        return _vectors(self.store.get_nodes(node_ids=[*ids]))

    async def avectors_by_id(self, ids: Sequence[str]) -> dict[str, StoredVector]:
        """Async version of `vectors_by_id`."""
        return _vectors(await self.store.aget_nodes(node_ids=[*ids]))


def _vectors(nodes: Iterable[BaseNode]) -> dict[str, StoredVector]:
    return {
        node.node_id: StoredVector(_numbers(node.embedding), plain_text(node))
        for node in nodes
        if node.embedding is not None
    }


def _numbers(vector: Any) -> Any:
    """A vector as an array or a list. Pgvector has its own type for those of half precision."""
    return vector.to_list() if hasattr(vector, "to_list") else vector
