"""`langchain_community.vectorstores.OpenSearchVectorSearch`: one vector field of an index."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from langchain_core.documents import Document

from langchain_sift.stores.client_reader import Ask, ClientReader, usable_here
from langchain_sift.stores.rows import hits_of_rows
from langchain_sift.stores.unit_length import unit_length_note
from sift_retrievers.retrieval import Hits, StoredVector

DEEPEST: Final = 10_000  # the most neighbours that OpenSearch looks for


class OpenSearchReader(ClientReader):
    """Vectors as `_source` has them. Faiss scales those of a cosinesimil field to unit length."""

    async def find(
        self,
        ask: Ask,
        query: npt.NDArray[np.float32],
        fetch_k: int,
        *,
        filter: Any = None,
        efficient_filter: dict[str, Any] | None = None,
        boolean_filter: Any = None,
        subquery_clause: str | None = None,
        lucene_filter: dict[str, Any] | None = None,
        pre_filter: dict[str, Any] | None = None,
        search_type: str = "approximate_search",
        space_type: str | None = None,
        score_threshold: float | None = 0.0,
        index_name: str | None = None,
        vector_field: str = "vector_field",
        text_field: str = "text",
        metadata_field: str = "metadata",
    ) -> Hits[Document]:
        """The nearest rows that pass the filter.

        The server applies a `boolean_filter` only to the nearest rows that it has found. (A
        `filter` becomes one, unless the engine of the store is faiss or lucene.) If fewer than
        `fetch_k` rows pass, the search is repeated with as many neighbours as the server allows.
        """
        if search_type == "hybrid_search":
            raise TypeError("SIFT ranks by vectors alone: leave out search_type='hybrid_search'")
        options = {
            "filter": filter,
            "efficient_filter": efficient_filter,
            "boolean_filter": boolean_filter,
            "subquery_clause": subquery_clause,
            "lucene_filter": lucene_filter,
            "pre_filter": pre_filter,
            "space_type": space_type,
            "index_name": index_name,
        }
        asked = self._arguments(
            query.tolist(),
            fetch_k,
            score_threshold,
            search_type=search_type,
            vector_field=vector_field,
            **{name: value for name, value in options.items() if value is not None},
        )
        found = await _rows(ask, asked)
        if not (efficient_filter or lucene_filter or self.store.engine in ("faiss", "lucene")):
            boolean_filter = boolean_filter or filter
        cut = search_type == "approximate_search" and boolean_filter
        if cut and len(found) < fetch_k < DEEPEST:
            found = await _rows(ask, _deeper(asked, vector_field))

        def metadata(source: Mapping[str, Any]) -> dict[str, Any]:
            whole = metadata_field == "*" or metadata_field not in source
            kept = source if whole else source[metadata_field]
            return {name: value for name, value in kept.items() if name != vector_field}

        hits = hits_of_rows(
            query,
            ids=[hit["_id"] for hit in found],
            texts=[hit["_source"].get(text_field) for hit in found],
            metadata=[metadata(hit["_source"]) for hit in found],
            vectors=[hit["_source"].get(vector_field) for hit in found],
        )
        return replace(hits, note=unit_length_note(hits.vectors, query))

    async def look_up(self, ask: Ask, ids: Sequence[str]) -> Mapping[str, StoredVector]:
        """The vectors of those ids that the index has, in fields of the store's default names."""
        routing = {"routing": self.store.routing} if self.store.routing else {}
        body = {"size": len(ids), "query": {"ids": {"values": [*ids]}}}
        found = await _rows(ask, {"index": self.store.index_name, "body": body, **routing})
        return {
            hit["_id"]: StoredVector(
                hit["_source"]["vector_field"], hit["_source"].get("text") or ""
            )
            for hit in found
            if "vector_field" in hit["_source"]
        }

    @property
    def client(self) -> Any:
        return self.store.client

    @property
    def aclient(self) -> Any:
        return self.store.async_client

    @property
    def searches_async(self) -> bool:
        """True on the event loop of the store's asynchronous client, which the first call opens."""
        client = getattr(self.store, "async_client", None)
        return client is not None and usable_here(client, _loop_of(client))

    def _arguments(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """The arguments with which the store's own search calls the client."""
        recorder = _Recorder()
        store = copy.copy(self.store)
        store.client = recorder
        store._raw_similarity_search_with_score_by_vector(*args, **kwargs)
        return recorder.asked


class _Recorder:
    """Takes the place of the client: it keeps the arguments of a search and sends nothing."""

    asked: dict[str, Any]

    def search(self, **asked: Any) -> dict[str, Any]:
        self.asked = asked
        return {"hits": {"hits": []}}


async def _rows(ask: Ask, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
    answer = await ask("search", **asked)
    found: list[dict[str, Any]] = answer["hits"]["hits"]
    return found


def _deeper(asked: dict[str, Any], field: str) -> dict[str, Any]:
    """The same search, with as many neighbours before the filter as the server allows."""
    deeper = copy.deepcopy(asked)
    clauses = deeper["body"]["query"]["bool"]
    for name in clauses.keys() - {"filter"}:
        clauses[name][0]["knn"][field]["k"] = DEEPEST
    return deeper


def _loop_of(client: Any) -> Any:
    """The event loop of a client's open connections; None if that cannot be found out."""
    pool = getattr(getattr(client, "transport", None), "connection_pool", None)
    loops = [getattr(connection, "loop", None) for connection in getattr(pool, "connections", ())]
    return next((loop for loop in loops if loop is not None), None)
