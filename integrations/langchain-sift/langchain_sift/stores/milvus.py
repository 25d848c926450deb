"""`langchain_milvus.Milvus` (Milvus Lite, a server, Zilliz): one dense vector field."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from langchain_core.documents import Document

from sift_retrievers.retrieval import Hits, no_hits, stacked


def fetch(
    store: Any,
    query: npt.NDArray[np.float32],
    fetch_k: int,
    *,
    expr: str | None = None,
    param: dict[str, Any] | None = None,
    timeout: float | None = None,
    partition_names: list[str] | None = None,
    consistency_level: str | int | None = None,
) -> Hits[Document]:
    """Vectors as the embedding model gave them."""
    if store._is_multi_vector or store._is_sparse:
        raise TypeError(
            f"this Milvus store searches the vector fields {store.vector_fields}; SIFT reads one "
            "dense field: pass a Milvus store over that field alone"
        )
    if store.col is None:  # nothing was ever added
        return no_hits(len(query))
    field = store._vector_field
    found = store.client.search(
        store.collection_name,
        data=[query.tolist()],
        anns_field=field,
        search_params=_search_params(store, fetch_k) if param is None else param,
        limit=fetch_k,
        filter=expr,
        output_fields=[*store._get_output_fields(), field],
        timeout=store.timeout or timeout,
        partition_names=partition_names,
        **({} if consistency_level is None else {"consistency_level": consistency_level}),
    )[0]
    ids = [str(hit[store._primary_field]) for hit in found]
    vectors = stacked([hit["entity"].get(field) for hit in found], ids, len(query))

    def document(i: int) -> Document:
        entity = {name: value for name, value in found[i]["entity"].items() if name != field}
        parsed: Document = store._parse_document(entity)
        return parsed.model_copy(update={"id": ids[i]})

    return Hits(vectors, ids, document)


def vectors_by_id(store: Any, ids: Sequence[str]) -> dict[str, Any]:
    """The vectors of those ids that the store has."""
    if store.col is None:
        return {}
    key, field = store._primary_field, store._vector_field
    # Keys that Milvus made are numbers; others cannot be in such a collection.
    keys: list[Any] = [int(n) for n in ids if n.isdecimal()] if store.auto_id else [*ids]
    if not keys:
        return {}
    rows = store.client.query(
        store.collection_name,
        # Quoted here: the client puts ids with quotes into the expression as they are.
        filter=f"{key} in {json.dumps(keys, ensure_ascii=False)}",
        output_fields=[key, field],
    )
    return {str(row[key]): row[field] for row in rows}


def _search_params(store: Any, fetch_k: int) -> Any:
    """The store's own, with a beam as wide as the hits that are wanted: HNSW refuses less."""
    own = store.search_params
    inner = own.get("params") if isinstance(own, dict) else None
    if not isinstance(inner, dict) or "ef" not in inner:
        return own
    return {**own, "params": {**inner, "ef": max(inner["ef"], fetch_k)}}
