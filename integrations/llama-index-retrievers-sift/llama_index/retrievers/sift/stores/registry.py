"""Which adapter reads which store."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from sift_retrievers.retrieval import AdapterRegistry

VectorAdapter: TypeAlias = Callable[[Any, Sequence[str]], Mapping[str, Any]]
"""`fetch(vector_store, ids)`: the stored vectors under the ids that the store's query returned.

Ids that the store does not know are left out.
"""

_HERE: Final = "llama_index.retrievers.sift.stores"

ADAPTERS: Final[AdapterRegistry[VectorAdapter]] = AdapterRegistry(
    {
        "llama_index.ChromaVectorStore": f"{_HERE}.chroma",
        "llama_index.FaissMapVectorStore": f"{_HERE}.faiss_map",
        "llama_index.FaissVectorStore": f"{_HERE}.faiss",
        "llama_index.LanceDBVectorStore": f"{_HERE}.lancedb",
        "llama_index.MilvusVectorStore": f"{_HERE}.milvus",
        "llama_index.PGVectorStore": f"{_HERE}.nodes",
        "llama_index.QdrantVectorStore": f"{_HERE}.qdrant",
        "llama_index.SimpleVectorStore": f"{_HERE}.simple",
    },
    # Unlike a search that is read around, vectors under the ids of a store's own hits are the right
    # ones whatever its query does.
    own_search=lambda _: False,
)
register_adapter = ADAPTERS.register


def known_vectors(
    store: object, ids: Sequence[str], adapter: VectorAdapter | None
) -> tuple[Mapping[str, Any], str | None]:
    """The vectors that a store holds under some ids; none if nobody knows how to read it.

    And in what they differ from those that the embedding model gave, by the function `note(store)`
    beside the store's adapter, if there is one.
    """
    reader = adapter or ADAPTERS.find(store)
    if reader is None or not ids:
        return {}, None
    note = ADAPTERS.part(store, "note") if adapter is None else None
    return reader(store, ids), None if note is None else note(store)


def knows_nodes_by_id(store: object) -> bool:
    """Whether the store's own ids are those of the nodes, and not positions in an index."""
    return not ADAPTERS.part(store, "IDS_ARE_POSITIONS")
