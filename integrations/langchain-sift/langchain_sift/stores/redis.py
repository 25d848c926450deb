"""`langchain_redis.RedisVectorStore`: one vector field of hashes or JSON documents."""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt
from langchain_core.documents import Document

from sift_retrievers.retrieval import Hits, stacked


def fetch(
    store: Any,
    query: npt.NDArray[np.float32],
    fetch_k: int,
    *,
    filter: Any = None,
    distance_threshold: float | None = None,
    return_metadata: bool = True,
) -> Hits[Document]:
    """Vectors in the precision of the field; ids as the store's `add_texts` returns them."""
    packing = import_module("redisvl.redis.utils")
    field, schema = store.config.embedding_field, store.index.schema
    kind = schema.fields[field].attrs.datatype.value.lower()
    others = [other.name for other in schema.fields.values() if other.name != field]
    asked = store._query_builder(
        # As bytes: the store's own query is of 32 bits, also where the field is not.
        packing.array_to_buffer(query.tolist(), dtype=kind),
        k=fetch_k,
        distance_threshold=distance_threshold,
        filter=filter,
        return_fields=others if return_metadata else [store.config.content_field],
    )
    asked.return_field(field, decode_field=False)
    found = store.index.query(asked)
    prefix = f"{store.config.key_prefix}:"
    ids = [row["id"].removeprefix(prefix) for row in found]

    def document(i: int) -> Document:
        row = {name: value for name, value in found[i].items() if name != field}
        built: Document = store._build_document_from_result(row)
        return built.model_copy(
            update={"id": ids[i]} | ({} if return_metadata else {"metadata": {}})
        )

    def unpacked(vector: bytes | str | None) -> list[float] | None:
        if vector is None:
            return None
        if schema.index.storage_type.value == "json":
            values: list[float] = json.loads(vector)
        else:
            values = packing.buffer_to_array(vector, dtype=kind)
        return values

    vectors = [unpacked(row.get(field)) for row in found]
    note = None if kind in ("float32", "float64") else f"stored as {kind}"
    return Hits(stacked(vectors, ids, len(query)), ids, document, note)
