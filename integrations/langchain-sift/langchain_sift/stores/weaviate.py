"""`langchain_weaviate.WeaviateVectorStore`: a collection, or a tenant of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from langchain_core.documents import Document

from langchain_sift.stores.client_reader import Ask, ClientReader, usable_here
from langchain_sift.stores.ids import is_uuid
from langchain_sift.stores.rows import hits_of_rows
from langchain_sift.stores.unit_length import unit_length_note
from sift_retrievers.retrieval import Hits, StoredVector


class WeaviateReader(ClientReader):
    """Searches by the vectors alone, while the store's own search is hybrid.

    Vectors as the collection returns them. A collection with compression decompresses them.
    """

    async def find(
        self,
        ask: Ask,
        query: npt.NDArray[np.float32],
        fetch_k: int,
        *,
        filters: Any = None,
        tenant: str | None = None,
        target_vector: str | None = None,
        return_properties: list[str] | None = None,
    ) -> Hits[Document]:
        """The nearest objects that pass the filters."""
        key = self.store._text_key
        answer = await ask(
            "near_vector",
            tenant=tenant,
            near_vector=query.tolist(),
            limit=fetch_k,
            filters=filters,
            target_vector=target_vector,
            include_vector=[target_vector] if target_vector else True,
            return_properties=(None if return_properties is None else [*{*return_properties, key}]),
        )
        found = answer.objects
        hits = hits_of_rows(
            query,
            ids=[str(one.uuid) for one in found],
            texts=[one.properties.get(key) for one in found],
            metadata=[
                {name: value for name, value in one.properties.items() if name != key}
                for one in found
            ],
            vectors=[_searched(one.vector, target_vector) for one in found],
        )
        return replace(hits, note=unit_length_note(hits.vectors, query))

    async def look_up(self, ask: Ask, ids: Sequence[str]) -> Mapping[str, StoredVector]:
        """The vectors of those ids that the collection has, if an object has only one vector."""
        key, names = self.store._text_key, [name for name in ids if is_uuid(name)]
        if not names:
            return {}
        answer = await ask(
            "fetch_objects_by_ids",
            tenant=None,
            ids=names,
            limit=len(names),
            include_vector=True,
            return_properties=[key],
        )
        kept = [(one, _searched(one.vector, None)) for one in answer.objects]
        return {
            str(one.uuid): StoredVector(vector, one.properties.get(key) or "")
            for one, vector in kept
            if vector is not None
        }

    @property
    def searches_async(self) -> bool:
        """Whether the store has a connected `client_async`, on the event loop of its first use."""
        client = getattr(self.store, "_client_async", None)
        return client is not None and client.is_connected() and usable_here(client)

    def call(self, method: str, /, tenant: str | None = None, **arguments: Any) -> Any:
        """Call a query method of the collection, or of the part that belongs to a tenant."""
        with self.store._tenant_context(tenant) as collection:
            return getattr(collection.query, method)(**arguments)

    async def acall(self, method: str, /, tenant: str | None = None, **arguments: Any) -> Any:
        """Async version of `call`."""
        async with self.store._atenant_context(tenant) as collection:
            return await getattr(collection.query, method)(**arguments)


def _searched(vectors: Mapping[str, Any], target: str | None) -> Any:
    """The vector that was searched for: the one named by `target`, or else the only one.

    If there are several, the server requires a name.
    """
    only = next(iter(vectors.values())) if target is None and len(vectors) == 1 else None
    return vectors.get(target or "default", only)
