"""`MilvusVectorStore`: the vector and text fields of rows, by primary key."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from llama_index.retrievers.sift.stores.event_loops import in_first_loop
from sift_retrievers.retrieval import StoredVector, StoreReader

KEY: Final = "id"
"""The store's primary field."""


class MilvusReader(StoreReader[Any]):
    """Vectors as the embedding model gave them."""

    def vectors_by_id(self, ids: Sequence[str]) -> dict[str, StoredVector]:
        """The vectors of those ids that the collection has, with their texts."""
        return self._vectors(self.store.client.query(**self._query(ids)))

    async def avectors_by_id(self, ids: Sequence[str]) -> dict[str, StoredVector]:
        """Async version of `vectors_by_id`."""
        return self._vectors(await self.store.aclient.query(**self._query(ids)))

    @property
    def searches_async(self) -> bool:
        """Whether the store has an asynchronous client for the running event loop."""
        return self.store.aclient is not None and in_first_loop(self.store)

    def _query(self, ids: Sequence[str]) -> dict[str, Any]:
        return {
            "collection_name": self.store.collection_name,
            # The client itself would not escape quotes in ids.
            "filter": f"{KEY} in {json.dumps([*ids], ensure_ascii=False)}",
            "output_fields": [KEY, self.store.embedding_field, self.store.text_key],
        }

    def _vectors(self, rows: Sequence[dict[str, Any]]) -> dict[str, StoredVector]:
        vector, text = self.store.embedding_field, self.store.text_key
        return {
            str(row[KEY]): StoredVector(row[vector], row.get(text) or "")
            for row in rows
            if vector in row
        }
