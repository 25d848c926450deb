"""`langchain_milvus.Milvus` (Milvus Lite, a server, Zilliz): one dense vector field."""

from __future__ import annotations

import json
from asyncio import get_running_loop
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from langchain_core.documents import Document

from langchain_sift.stores.client_reader import Ask, ClientReader, usable_here
from langchain_sift.stores.hits import hits_of
from sift_retrievers.retrieval import Hits, StoredVector
from sift_retrievers.retrieval.hits import no_hits


class MilvusReader(ClientReader):
    """Vectors as the embedding model gave them."""

    async def find(
        self,
        ask: Ask,
        query: npt.NDArray[np.float32],
        fetch_k: int,
        *,
        expr: str | None = None,
        param: dict[str, Any] | None = None,
        timeout: float | None = None,
        partition_names: list[str] | None = None,
        consistency_level: str | int | None = None,
    ) -> Hits[Document]:
        """The nearest rows that pass `expr`."""
        store = self.store
        if store._is_multi_vector or store._is_sparse:
            raise TypeError(
                f"this Milvus store searches the vector fields {store.vector_fields}; SIFT reads "
                "one dense field: pass a Milvus store over that field alone"
            )
        if not await self._exists(ask):  # nothing was ever added
            return no_hits(len(query))
        field = store._vector_field
        answer = await ask(
            "search",
            collection_name=store.collection_name,
            data=[query.tolist()],
            anns_field=field,
            search_params=self._search_params(fetch_k) if param is None else param,
            limit=fetch_k,
            filter=expr,
            output_fields=[*store._get_output_fields(), field],
            timeout=store.timeout or timeout,
            partition_names=partition_names,
            **({} if consistency_level is None else {"consistency_level": consistency_level}),
        )
        vectors = [hit["entity"].get(field) for hit in answer[0]]
        return hits_of([self._document(hit) for hit in answer[0]], vectors, query)

    async def look_up(self, ask: Ask, ids: Sequence[str]) -> Mapping[str, StoredVector]:
        """The vectors of those ids that the collection has."""
        store = self.store
        key, field, text = store._primary_field, store._vector_field, store._text_field
        # If Milvus makes the keys, they are numbers, and no other id can be in the collection.
        keys: list[Any] = [int(n) for n in ids if n.isdecimal()] if store.auto_id else [*ids]
        if not keys or not await self._exists(ask):
            return {}
        rows = await ask(
            "query",
            collection_name=store.collection_name,
            # The client itself would not escape quotes in ids.
            filter=f"{key} in {json.dumps(keys, ensure_ascii=False)}",
            output_fields=[key, field, text],
        )
        return {str(row[key]): StoredVector(row[field], row.get(text) or "") for row in rows}

    @property
    def client(self) -> Any:
        return self.store.client

    @property
    def aclient(self) -> Any:
        return self.store.aclient

    @property
    def searches_async(self) -> bool:
        """True on the event loop of the store's asynchronous client, which the first call opens."""
        try:
            get_running_loop()
            client = self.aclient
        except RuntimeError:  # no loop runs, or no such client can be made
            return False
        channel = getattr(getattr(client, "_handler", None), "_async_channel", None)
        return usable_here(client, getattr(channel, "_loop", None))

    async def _exists(self, ask: Ask) -> bool:
        """Whether the collection exists. The server is not asked if the store knows it already."""
        if getattr(self.store, "_col_cache", None) is not None:
            return True
        return bool(await ask("has_collection", collection_name=self.store.collection_name))

    def _document(self, hit: Mapping[str, Any]) -> Document:
        """The document of a hit, as the store's own search makes it, and with its id."""
        store = self.store
        row = {name: value for name, value in hit["entity"].items() if name != store._vector_field}
        row[store._text_field] = row.get(store._text_field) or ""
        document: Document = store._parse_document(row)
        document.id = str(hit[store._primary_field])
        return document

    def _search_params(self, fetch_k: int) -> Any:
        """The store's own parameters, with an `ef` of at least `fetch_k`, which HNSW requires."""
        own = self.store.search_params
        inner = own.get("params") if isinstance(own, dict) else None
        if not isinstance(inner, dict) or "ef" not in inner:
            return own
        return {**own, "params": {**inner, "ef": max(inner["ef"], fetch_k)}}
