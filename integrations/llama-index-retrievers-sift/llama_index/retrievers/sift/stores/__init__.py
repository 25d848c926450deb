"""How each vector store hands over the vectors of its hits; one file a store."""

from llama_index.retrievers.sift.stores.registry import (
    ADAPTERS,
    VectorAdapter,
    known_vectors,
    knows_nodes_by_id,
    register_adapter,
)

__all__ = ["ADAPTERS", "VectorAdapter", "known_vectors", "knows_nodes_by_id", "register_adapter"]
