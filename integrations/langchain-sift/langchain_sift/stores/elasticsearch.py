"""`langchain_elasticsearch`'s stores: one dense vector field of an index."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from langchain_core.documents import Document

from langchain_sift.stores.client_reader import Ask, ClientReader
from langchain_sift.stores.hits import hits_of
from langchain_sift.stores.rows import hits_of_rows
from sift_retrievers.retrieval import Hits, StoredVector

NUM_CANDIDATES: Final = 50  # in each shard, as in the store's own searches


class ElasticsearchReader(ClientReader):
    """Searches by the dense vectors alone, even if the store's own search is hybrid.

    Vectors as the embedding model gave them. An `AsyncElasticsearchStore` has only an asynchronous
    client, so it can be used in asynchronous calls (`ainvoke`) only.
    """

    async def find(
        self,
        ask: Ask,
        query: npt.NDArray[np.float32],
        fetch_k: int,
        *,
        filter: Sequence[dict[str, Any]] | None = None,
        custom_query: Callable[[dict[str, Any], str | None], dict[str, Any]] | None = None,
        doc_builder: Callable[[dict[str, Any]], Document] | None = None,
    ) -> Hits[Document]:
        """The nearest rows that pass the filter.

        `custom_query` gets None in place of the text of the query, which a reader does not know.
        """
        body = self._dense_strategy().es_query(
            query=None,
            query_vector=query.tolist(),
            text_field=self.store.query_field,
            vector_field=self.store.vector_query_field,
            k=fetch_k,
            num_candidates=max(fetch_k, NUM_CANDIDATES),
            filter=[*(filter or ())],
        )
        if custom_query is not None:
            body = custom_query(body, None)
        found = await self._rows(ask, body, fetch_k)
        ids, vectors = [hit["_id"] for hit in found], [self._vector(hit) for hit in found]
        if doc_builder is not None:
            built = zip(map(doc_builder, found), ids, strict=True)
            documents = [one if one.id else one.model_copy(update={"id": i}) for one, i in built]
            return hits_of(documents, vectors, query)
        return hits_of_rows(
            query,
            ids=ids,
            texts=[self._text(hit) for hit in found],
            metadata=[hit.get("_source", {}).get("metadata") for hit in found],
            vectors=vectors,
        )

    async def look_up(self, ask: Ask, ids: Sequence[str]) -> Mapping[str, StoredVector]:
        """The vectors of those ids that the index has."""
        found = await self._rows(ask, {"query": {"ids": {"values": [*ids]}}}, len(ids))
        kept = [(hit, self._vector(hit)) for hit in found]
        return {
            hit["_id"]: StoredVector(vector, self._text(hit) or "")
            for hit, vector in kept
            if vector is not None
        }

    @property
    def searches_async(self) -> bool:
        """Whether the store is an `AsyncElasticsearchStore`."""
        return any(cls.__name__ == "AsyncElasticsearchStore" for cls in type(self.store).__mro__)

    @property
    def client(self) -> Any:
        return super().client if self.searches_async else self.store.client

    @property
    def aclient(self) -> Any:
        return self.store.client

    async def _rows(self, ask: Ask, body: dict[str, Any], most: int) -> list[dict[str, Any]]:
        """The rows that a query finds, with their vectors."""
        answer = await ask(
            "search",
            **body
            # `_source` has no vectors from version 9.2 on. All versions return them in `fields`.
            | {"fields": [*body.get("fields", ()), self.store.vector_query_field]},
            index=self.store._store.index,
            size=most,
            source=True,
            source_includes=["metadata", self.store.query_field],
        )
        found: list[dict[str, Any]] = answer["hits"]["hits"]
        return found

    def _text(self, hit: Mapping[str, Any]) -> str | None:
        text: str | None = hit.get("_source", {}).get(self.store.query_field)
        return text

    def _vector(self, hit: Mapping[str, Any]) -> Any:
        return hit.get("fields", {}).get(self.store.vector_query_field)

    def _dense_strategy(self) -> Any:
        """The store's strategy, without its search by words."""
        strategy = self.store._store.retrieval_strategy
        if not hasattr(strategy, "distance"):
            raise TypeError(
                f"this Elasticsearch store searches by {type(strategy).__name__}, which has no "
                "dense vectors: pass a store with DenseVectorStrategy or "
                "DenseVectorScriptScoreStrategy"
            )
        dense = copy.copy(strategy)
        dense.hybrid = False
        return dense
