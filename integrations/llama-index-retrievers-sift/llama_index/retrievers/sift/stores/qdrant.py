"""`QdrantVectorStore`: a collection with cosine distance holds vectors of unit length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llama_index.retrievers.sift.stores import nodes


def fetch(store: Any, ids: Sequence[str]) -> dict[str, Any]:
    """Vectors as the collection holds them."""
    return nodes.fetch(store, ids)


def note(store: Any) -> str | None:
    """What the collection does to its vectors."""
    config = store.client.get_collection(store.collection_name).config.params.vectors
    if isinstance(config, dict):
        config = config.get(store.dense_vector_name) or config.get("")
    notes = []
    if config is not None and config.distance == "Cosine":
        notes.append("scaled to unit length by the collection's cosine distance")
    if config is not None and config.datatype not in (None, "float32"):
        notes.append(f"stored as {config.datatype}")
    return ", ".join(notes) or None
