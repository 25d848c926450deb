"""`langchain_elasticsearch.ElasticsearchStore`: one dense vector field of an index."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from langchain_core.documents import Document

from sift_retrievers.retrieval import Hits, stacked

NUM_CANDIDATES = 50  # of each shard; the store's own default


def fetch(
    store: Any,
    query: npt.NDArray[np.float32],
    fetch_k: int,
    *,
    filter: Sequence[dict[str, Any]] | None = None,
    custom_query: Callable[[dict[str, Any], str | None], dict[str, Any]] | None = None,
    doc_builder: Callable[[dict[str, Any]], Document] | None = None,
) -> Hits[Document]:
    """The nearest by the dense vectors, also where the store's own search is hybrid.

    Vectors as the embedding model gave them. `custom_query` is called with the text None.
    """
    field = store.vector_query_field
    body = _dense_strategy(store).es_query(
        query=None,
        query_vector=query.tolist(),
        text_field=store.query_field,
        vector_field=field,
        k=fetch_k,
        num_candidates=max(fetch_k, NUM_CANDIDATES),
        filter=[*(filter or ())],
    )
    if custom_query is not None:
        body = custom_query(body, None)
    # From 9.2 on, `_source` comes without vectors; every version returns them as `fields`.
    body = {**body, "fields": [*body.get("fields", ()), field]}
    hits = store.client.search(
        index=store._store.index,
        size=fetch_k,
        source=True,
        source_includes=["metadata", store.query_field],
        **body,
    )["hits"]["hits"]
    ids = [hit["_id"] for hit in hits]

    def document(i: int) -> Document:
        if doc_builder is None:
            source = hits[i].get("_source", {})
            return Document(
                id=ids[i],
                page_content=source.get(store.query_field) or "",
                metadata=dict(source.get("metadata") or {}),
            )
        built = doc_builder(hits[i])
        return built if built.id else built.model_copy(update={"id": ids[i]})

    vectors = [hit.get("fields", {}).get(field) for hit in hits]
    return Hits(stacked(vectors, ids, len(query)), ids, document)


def _dense_strategy(store: Any) -> Any:
    """The store's strategy, without the search by words that it may add."""
    strategy = store._store.retrieval_strategy
    if not hasattr(strategy, "distance"):
        raise TypeError(
            f"this Elasticsearch store searches by {type(strategy).__name__}, which has no dense "
            "vectors: pass a store with DenseVectorStrategy or DenseVectorScriptScoreStrategy"
        )
    dense = copy.copy(strategy)
    dense.hybrid = False
    return dense
