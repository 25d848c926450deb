"""`QdrantVectorStore`: vectors as the collection holds them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from llama_index.retrievers.sift.stores.event_loops import in_first_loop
from llama_index.retrievers.sift.stores.in_flight import read_settled
from llama_index.retrievers.sift.stores.node_rows import NodeRowsReader
from sift_retrievers.retrieval import StoredVector


class QdrantReader(NodeRowsReader):
    """Vectors as the collection holds them, of unit length if its distance is the cosine.

    A client in local mode writes the text of a row before its vector, so rows that another thread
    is writing are left out. A server returns whole rows.
    """

    def __init__(self, store: Any) -> None:
        """Read this store."""
        super().__init__(store)
        self._params: Any = None  # of the collection; they do not change

    def vectors_by_id(self, ids: Sequence[str]) -> dict[str, StoredVector]:
        """The vectors of those ids that the collection has, with their texts."""
        if self._params is None:
            info = self.store._client.get_collection(self.store.collection_name)
            self._params = info.config.params
        local: Any = getattr(self.store._client, "_client", None)
        if type(local).__name__ != "QdrantLocal":
            return super().vectors_by_id(ids)
        own = vars(type(local._get_collection(self.store.collection_name)))
        writes = [(own.get(name), _id_of_point) for name in ("_add_point", "_update_point")]
        return read_settled(lambda: super(QdrantReader, self).vectors_by_id(ids), writes)

    async def avectors_by_id(self, ids: Sequence[str]) -> dict[str, StoredVector]:
        """Async version of `vectors_by_id`."""
        if self._params is None:
            info = await self.store._aclient.get_collection(self.store.collection_name)
            self._params = info.config.params
        return await super().avectors_by_id(ids)

    @property
    def searches_async(self) -> bool:
        """Whether the store has an asynchronous client for the running event loop.

        If it has no other client, that client is used in every loop.
        """
        if self.store._aclient is None:
            return False
        return self.store._client is None or in_first_loop(self.store)

    def note(self) -> str | None:
        """How the collection changes its vectors; None before the first look-up."""
        if self._params is None:
            return None
        config = self._params.vectors
        if isinstance(config, dict):
            config = config.get(self.store.dense_vector_name) or config.get("")
        notes = []
        if config is not None and config.distance == "Cosine":
            notes.append("scaled to unit length by the collection's cosine distance")
        if config is not None and config.datatype not in (None, "float32"):
            notes.append(f"stored as {config.datatype}")
        return ", ".join(notes) or None


def _id_of_point(variables: Mapping[str, Any]) -> list[Any]:
    return [variables["point"].id]
