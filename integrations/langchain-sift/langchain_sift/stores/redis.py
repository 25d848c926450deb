"""`langchain_redis.RedisVectorStore`: one vector field of hashes or JSON documents."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt
from langchain_core.documents import Document

from langchain_sift.stores.hits import hits_of
from sift_retrievers.retrieval import Hits, StoredVector, StoreReader


class RedisReader(StoreReader[Document]):
    """Vectors in the precision of the field. Ids are those that the store's `add_texts` returns."""

    def search(
        self,
        query: npt.NDArray[np.float32],
        fetch_k: int,
        *,
        filter: Any = None,
        distance_threshold: float | None = None,
        return_metadata: bool = True,
    ) -> Hits[Document]:
        store, field = self.store, self.store.config.embedding_field
        others = [other for other in store.index.schema.fields if other != field]
        asked = store._query_builder(
            # Packed here: the store itself packs every query as float32, even for other fields.
            _packing().array_to_buffer(query.tolist(), dtype=self._kind),
            k=fetch_k,
            distance_threshold=distance_threshold,
            filter=filter,
            return_fields=others if return_metadata else [store.config.content_field],
        )
        asked.return_field(field, decode_field=False)
        found = store.index.query(asked)
        documents = [self._document(row, return_metadata) for row in found]
        vectors = [self._numbers(row.get(field)) for row in found]
        return hits_of(documents, vectors, query, note=self.note())

    def vectors_by_id(self, ids: Sequence[str]) -> Mapping[str, StoredVector]:
        """The vectors of those ids that the store has."""
        client, config = self.store.index.client, self.store.config
        keys = [f"{self._prefix}{name}" for name in ids]
        if self._is_json:
            rows = client.json().mget(keys, ".")
            found = [
                (row.get(config.embedding_field), row.get(config.content_field)) if row else None
                for row in rows
            ]
        else:
            calls = client.pipeline(transaction=False)
            for key in keys:
                asked = (key, config.embedding_field, config.content_field)
                calls.execute_command("HMGET", *asked, NEVER_DECODE=True)
            found = calls.execute()
        kept = zip(ids, found, strict=True)
        return {
            name: StoredVector(self._numbers(row[0]), _text(row[1]))
            for name, row in kept
            if row is not None and row[0] is not None
        }

    def note(self) -> str | None:
        return None if self._kind in ("float32", "float64") else f"stored as {self._kind}"

    @property
    def _kind(self) -> str:
        """The type of the field's numbers."""
        field = self.store.index.schema.fields[self.store.config.embedding_field]
        kind: str = field.attrs.datatype.value
        return kind.lower()

    @property
    def _prefix(self) -> str:
        """The part of a key before the id."""
        prefix: str = self.store.config.key_prefix
        return f"{prefix}:" if prefix else ""

    @property
    def _is_json(self) -> bool:
        return bool(self.store.index.schema.index.storage_type.value == "json")

    def _numbers(self, vector: Any) -> list[float] | None:
        """The numbers of a vector that is a list, JSON, or bytes; None if there is none."""
        if vector is None or isinstance(vector, list):
            return vector
        values: list[float] = (
            json.loads(vector)
            if self._is_json
            else _packing().buffer_to_array(vector, dtype=self._kind)
        )
        return values

    def _document(self, found: Mapping[str, Any], with_metadata: bool) -> Document:
        config = self.store.config
        row = {name: value for name, value in found.items() if name != config.embedding_field}
        row[config.content_field] = row.get(config.content_field) or ""
        built: Document = self.store._build_document_from_result(row)
        built.id = found["id"].removeprefix(self._prefix)
        if not with_metadata:
            built.metadata = {}
        return built


def _text(text: str | bytes | None) -> str:
    return text.decode() if isinstance(text, bytes) else text or ""


def _packing() -> Any:
    return import_module("redisvl.redis.utils")
