"""Which reader reads which store."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from inspect import iscoroutine
from typing import Any, Final, TypeAlias

from sift_retrievers.retrieval import StoredVector, StoreReader
from sift_retrievers.retrieval.registry import ReaderRegistry

VectorAdapter: TypeAlias = (
    type[StoreReader[Any]] | StoreReader[Any] | Callable[[Any, Sequence[str]], Mapping[str, Any]]
)
"""What `adapter=` may be: a `StoreReader` with `vectors_by_id`, as a class or an object, or a
function `(vector_store, ids) -> {id: vector}`. Ids that the store does not have are left out."""

_HERE: Final = "llama_index.retrievers.sift.stores"

READERS: Final = ReaderRegistry(
    {
        "llama_index.ChromaVectorStore": f"{_HERE}.chroma:ChromaReader",
        "llama_index.FaissMapVectorStore": f"{_HERE}.faiss:FaissMapReader",
        "llama_index.FaissVectorStore": f"{_HERE}.faiss:FaissReader",
        "llama_index.LanceDBVectorStore": f"{_HERE}.lancedb:LanceDBReader",
        "llama_index.MilvusVectorStore": f"{_HERE}.milvus:MilvusReader",
        "llama_index.PGVectorStore": f"{_HERE}.postgres:PostgresReader",
        "llama_index.QdrantVectorStore": f"{_HERE}.qdrant:QdrantReader",
        "llama_index.SimpleVectorStore": f"{_HERE}.simple:SimpleReader",
    },
    # Readers only look up vectors. They bypass no search, so no method counts as one.
    own_search=lambda _: False,
)
register_reader = READERS.register


class FunctionReader(StoreReader[Any]):
    """Reads vectors by a function `(vector_store, ids) -> {id: vector}`."""

    def __init__(
        self, store: Any, function: Callable[[Any, Sequence[str]], Mapping[str, Any]]
    ) -> None:
        """Read this store by this function."""
        super().__init__(store)
        self._function = function

    def vectors_by_id(self, ids: Sequence[str]) -> dict[str, StoredVector]:
        """What the function returns.

        Raises:
            TypeError: if it returns anything but a mapping.
        """
        found = self._function(self.store, ids)
        if not isinstance(found, Mapping):
            if iscoroutine(found):
                found.close()  # nobody will await it
            raise TypeError(
                "adapter must be a plain function that returns {id: vector}; it returned "
                f"{type(found).__name__}"
            )
        return {
            name: vector if isinstance(vector, StoredVector) else StoredVector(vector)
            for name, vector in found.items()
            if vector is not None
        }


def reader_of(store: Any, adapter: VectorAdapter | None = None) -> StoreReader[Any] | None:
    """The reader of a store's vectors; None for a store without a reader.

    Args:
        store: any, or None.
        adapter: used in place of the registered reader.

    Raises:
        TypeError: for an adapter of a wrong type, an adapter of another store, or an adapter
            without a store.
    """
    if adapter is None:
        known = READERS.find(store, "vectors_by_id")
        return None if known is None else known(store)
    if store is None:
        raise TypeError("adapter reads a store: pass vector_store=... with it")
    if isinstance(adapter, StoreReader):
        if adapter.store is not store:
            raise TypeError(
                f"adapter reads another store ({type(adapter.store).__name__}) than "
                f"{type(store).__name__}, which was passed: give the class of the reader"
            )
        reader = adapter
    elif isinstance(adapter, type) and issubclass(adapter, StoreReader):
        reader = adapter(store)
    elif callable(adapter) and not isinstance(adapter, type):
        reader = FunctionReader(store, adapter)
    else:
        raise TypeError(
            "adapter must be a StoreReader or a function (vector_store, ids) → {id: vector}; got "
            f"{adapter!r}"
        )
    if not reader.can("vectors_by_id"):
        raise TypeError(f"adapter must define vectors_by_id; {type(reader).__name__} does not")
    return reader
