"""A stand-in for Weaviate: its schema over REST, its objects and searches over gRPC."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import grpc
import numpy as np
from fake_http import Answer, FakeHTTP, ranked
from weaviate.proto.v1 import (
    base_pb2,
    batch_delete_pb2,
    batch_pb2,
    properties_pb2,
    search_get_pb2,
    tenants_pb2,
    weaviate_pb2_grpc,
)

# What a server adds to the schema of a new collection.
DEFAULTS = {
    "invertedIndexConfig": {
        "bm25": {"b": 0.75, "k1": 1.2},
        "cleanupIntervalSeconds": 60,
        "stopwords": {"preset": "en", "additions": None, "removals": None},
    },
    "replicationConfig": {"factor": 1},
    "shardingConfig": {
        "virtualPerPhysical": 128,
        "desiredCount": 1,
        "actualCount": 1,
        "desiredVirtualCount": 128,
        "actualVirtualCount": 128,
        "key": "_id",
        "strategy": "hash",
        "function": "murmur3",
    },
}
PROPERTY = {"indexFilterable": True, "indexSearchable": True, "indexRangeFilters": False}


class FakeWeaviate(FakeHTTP):
    """Collections of objects with one vector, or several that have names; cosine."""

    headers = {"Content-Type": "application/json"}  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__()
        self.schemas: dict[str, dict[str, Any]] = {}
        self.tenants: set[str] = set()
        self.objects: dict[str, dict[str, batch_pb2.BatchObject]] = {}
        self._grpc = grpc.server(ThreadPoolExecutor(4))
        weaviate_pb2_grpc.add_WeaviateServicer_to_server(Servicer(self), self._grpc)
        self.grpc_port = self._grpc.add_insecure_port("127.0.0.1:0")
        self._grpc.start()

    def close(self) -> None:
        super().close()
        self._grpc.stop(grace=None)

    def answer(self, method: str, path: str, params: dict[str, str], raw: str) -> Answer:
        parts = path.removeprefix("/v1/").split("/")
        if parts == ["meta"]:
            return 200, {"version": "1.33.0", "hostname": self.url, "modules": {}}
        if parts == ["schema"] and method == "GET":
            return 200, {"classes": [*self.schemas.values()]}
        if parts == ["nodes"]:
            return 200, {"nodes": [{"name": "node1", "batchStats": {"queueLength": 0}}]}
        if parts[0] != "schema":
            return 404, None
        if parts[-1] == "tenants":
            self.tenants |= {tenant["name"] for tenant in json.loads(raw)}
            return 200, [{"name": name, "activityStatus": "HOT"} for name in self.tenants]
        if method == "POST":
            schema = json.loads(raw)
            schema["multiTenancyConfig"] = schema.pop("MultiTenancyConfig", {"enabled": False})
            schema["properties"] = [PROPERTY | one for one in schema["properties"]]
            for space in [*schema.get("vectorConfig", {}).values()] or [schema]:
                space.setdefault("vectorizer", "none")
                space["vectorIndexType"] = "flat"
                space["vectorIndexConfig"] = {"distance": "cosine", "vectorCacheMaxObjects": 10**6}
            self.schemas[schema["class"]] = DEFAULTS | schema
        schema = self.schemas.get(schema["class"] if method == "POST" else parts[1])
        return (404, None) if schema is None else (200, schema)


class Servicer(weaviate_pb2_grpc.WeaviateServicer):  # type: ignore[misc]
    """The calls that fill and search a collection."""

    def __init__(self, server: FakeWeaviate) -> None:
        self.server = server

    def BatchObjects(self, request: Any, context: Any) -> Any:  # noqa: N802
        for one in request.objects:
            self.server.objects.setdefault(one.tenant, {})[one.uuid] = one
        return batch_pb2.BatchObjectsReply(took=0.0, errors=[])

    def BatchDelete(self, request: Any, context: Any) -> Any:  # noqa: N802
        held = self.server.objects.get(request.tenant, {})
        found = [held.pop(uuid, None) for uuid in ids_of(request.filters)]
        matches = sum(one is not None for one in found)
        return batch_delete_pb2.BatchDeleteReply(took=0.0, matches=matches, successful=matches)

    def TenantsGet(self, request: Any, context: Any) -> Any:  # noqa: N802
        hot = tenants_pb2.TENANT_ACTIVITY_STATUS_HOT
        found = [tenants_pb2.Tenant(name=name, activity_status=hot) for name in self.server.tenants]
        return tenants_pb2.TenantsGetReply(took=0.0, tenants=found)

    def Search(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.server.searches.append(request)
        if self.server.failing:
            context.abort(grpc.StatusCode.UNKNOWN, "vector search: vector lengths don't match")
        if not (request.HasField("near_vector") or request.HasField("hybrid_search")):
            held = self.server.objects.get(request.tenant, {})
            found = [uuid for uuid in held if uuid in ids_of(request.filters)]
            results = [self._result(request, uuid, 0.0) for uuid in found]
            return search_get_pb2.SearchReply(took=0.0, results=results)
        # The store's own search is hybrid, its words left out here.
        search = request.near_vector
        if request.HasField("hybrid_search"):
            search = request.hybrid_search.near_vector
            search = search if search.vector_bytes or search.vectors else request.hybrid_search
        name = next(iter(search.targets.target_vectors), "")
        asked = search.vector_bytes or next(
            one.vector_bytes for one in (*search.vectors, *search.vector_for_targets)
        )
        near = ranked(
            self.server.objects.get(request.tenant, {}),
            lambda one: vectors_of(one)[name],
            np.frombuffer(asked, dtype=np.float32),
            "cosine",
            lambda one: not request.HasField("filters") or passes(one, request.filters),
        )[: request.limit]
        found = [self._result(request, uuid, score) for uuid, score in near]
        return search_get_pb2.SearchReply(took=0.0, results=found)

    def _result(self, request: Any, uuid: str, score: float) -> Any:
        one = self.server.objects[request.tenant][uuid]
        meta = search_get_pb2.MetadataResult(id=uuid, id_as_bytes=UUID(uuid).bytes)
        if request.metadata.score:
            meta.score, meta.score_present = score, True
        for name, vector in vectors_of(one).items():
            if uuid in self.server.bare:
                continue
            if name == "" and request.metadata.vector:
                meta.vector_bytes = vector.tobytes()
            if name and (request.metadata.vector or name in request.metadata.vectors):
                kind = base_pb2.Vectors.VECTOR_TYPE_SINGLE_FP32
                meta.vectors.append(
                    base_pb2.Vectors(name=name, vector_bytes=vector.tobytes(), type=kind)
                )
        wanted = request.properties.non_ref_properties
        every = request.properties.return_all_nonref_properties
        every = every or not request.HasField("properties")
        kept = {
            key: value
            for key, value in one.properties.non_ref_properties.items()
            if every or key in wanted
        }
        fields = {key: as_value(value) for key, value in kept.items()}
        return search_get_pb2.SearchResult(
            metadata=meta,
            properties=search_get_pb2.PropertiesResult(
                non_ref_props=properties_pb2.Properties(fields=fields),
                target_collection=request.collection,
            ),
        )


def vectors_of(one: Any) -> dict[str, Any]:
    """The vectors of an object by name; "" is the one without."""
    sent = {vector.name: vector.vector_bytes for vector in one.vectors}
    if one.vector_bytes:
        sent[""] = one.vector_bytes
    return {name: np.frombuffer(raw, dtype=np.float32) for name, raw in sent.items()}


def passes(one: Any, filters: Any) -> bool:
    """Whether an object passes a filter: equality of a text alone is known."""
    assert filters.operator == base_pb2.Filters.OPERATOR_EQUAL
    found = one.properties.non_ref_properties[filters.target.property]
    return bool(found == filters.value_text)


def ids_of(filters: Any) -> set[str]:
    """The ids that a filter lets through: one of several, or an OR of equalities."""
    if filters.operator == base_pb2.Filters.OPERATOR_CONTAINS_ANY:
        return {*filters.value_text_array.values}
    if not filters.filters:
        assert filters.target.property == "_id"
        return {filters.value_text}
    assert filters.operator == base_pb2.Filters.OPERATOR_OR
    return set().union(*map(ids_of, filters.filters))


def as_value(value: Any) -> Any:
    if isinstance(value, str):
        return properties_pb2.Value(text_value=value)
    return properties_pb2.Value(number_value=value)
