"""Every store that needs a server, on a stand-in that speaks to the store's own client."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest
from corpus import Corpus
from fake_http import FakeServer
from fake_pinecone import FakePinecone
from fake_redis import FakeRedis
from fake_search import FakeElasticsearch, FakeOpenSearch


def term(parity: str) -> dict[str, Any]:
    """A clause of Elasticsearch and OpenSearch."""
    return {"term": {"metadata.parity.keyword": parity}}


EVEN = term("even")


@dataclass(frozen=True)
class ServerCase:
    """How to set up one store and its server, and what the two say to each other."""

    package: str
    """Nothing is run where it is not installed."""
    start: Callable[[Corpus, ExitStack], tuple[Any, FakeServer]]
    """The store, filled, and the server; the stack closes both."""
    filtered: Callable[[str], dict[str, Any]]
    """search_kwargs that let only documents of a parity through."""
    filter_of: Callable[[Any], Any]
    """What a search request says of the filter; falsy for none."""
    error: str
    """The exception that the client raises where the server answers with an error."""
    metric: str = "cosine"
    always: dict[str, Any] = field(default_factory=dict)
    """search_kwargs that every search of the store needs."""
    note: str | None = None
    searches_itself: bool = True
    """The store's own search works on this set-up."""


def elasticsearch(
    corpus: Corpus, closing: ExitStack, version: str = "9.2.0", **options: Any
) -> tuple[Any, FakeServer]:
    from langchain_elasticsearch import ElasticsearchStore

    server = FakeElasticsearch(version)
    closing.callback(server.close)
    store = ElasticsearchStore(
        "test", embedding=corpus.embeddings, es_url=server.url, num_dimensions=corpus.dim, **options
    )
    closing.callback(store.close)
    store.add_documents(corpus.documents(), ids=corpus.ids)
    return store, server


def scripted(corpus: Corpus, closing: ExitStack) -> tuple[Any, FakeServer]:
    from langchain_elasticsearch import DenseVectorScriptScoreStrategy, DistanceMetric

    strategy = DenseVectorScriptScoreStrategy(DistanceMetric.EUCLIDEAN_DISTANCE)
    return elasticsearch(corpus, closing, strategy=strategy)


def hybrid(corpus: Corpus, closing: ExitStack) -> tuple[Any, FakeServer]:
    from langchain_elasticsearch import DenseVectorStrategy

    return elasticsearch(corpus, closing, strategy=DenseVectorStrategy(hybrid=True))


def opensearch(
    corpus: Corpus,
    closing: ExitStack,
    space_type: str = "l2",
    scales: bool = False,
    **options: Any,
) -> tuple[Any, FakeServer]:
    from langchain_community.vectorstores import OpenSearchVectorSearch

    server = FakeOpenSearch(scales)
    closing.callback(server.close)
    store = OpenSearchVectorSearch(server.url, "test", corpus.embeddings, **options)
    closing.callback(store.client.close)
    if corpus.texts:
        store.add_documents(corpus.documents(), ids=corpus.ids, space_type=space_type)
    else:  # it adds no empty list
        store.create_index(corpus.dim, "test", space_type=space_type)
    return store, server


def pinecone(corpus: Corpus, closing: ExitStack) -> tuple[Any, FakeServer]:
    from langchain_pinecone import PineconeVectorStore

    server = FakePinecone()
    closing.callback(server.close)
    store = PineconeVectorStore(
        embedding=corpus.embeddings, host=server.url, pinecone_api_key="none", namespace="passages"
    )
    store.add_documents(corpus.documents(), ids=corpus.ids)
    return store, server


def mongodb(corpus: Corpus, closing: ExitStack) -> tuple[Any, FakeServer]:
    from fake_mongodb import FakeMongoDB
    from langchain_mongodb import MongoDBAtlasVectorSearch
    from pymongo import MongoClient

    server = FakeMongoDB()
    closing.callback(server.close)
    client: MongoClient[dict[str, Any]] = MongoClient(server.url)
    closing.callback(client.close)
    store = MongoDBAtlasVectorSearch(client["database"]["passages"], corpus.embeddings)
    store.add_documents(corpus.documents(), ids=corpus.ids)
    return store, server


def redis(corpus: Corpus, closing: ExitStack, **options: Any) -> tuple[Any, FakeServer]:
    from langchain_redis import RedisVectorStore

    server = FakeRedis()
    closing.callback(server.close)
    store = RedisVectorStore(
        corpus.embeddings,
        index_name="test",
        redis_url=server.url,
        embedding_dimensions=corpus.dim,
        metadata_schema=[
            {"name": "parity", "type": "tag"},
            {"name": "number", "type": "numeric"},
        ],
        **options,
    )
    closing.callback(store.index.client.close)
    store.add_documents(corpus.documents(), ids=corpus.ids)
    return store, server


def redis_filter(parity: str) -> dict[str, Any]:
    from redisvl.query.filter import Tag

    return {"filter": Tag("parity") == parity}


def weaviate(
    corpus: Corpus, closing: ExitStack, tenant: str | None = None, named: str | None = None
) -> tuple[Any, FakeServer]:
    from fake_weaviate import FakeWeaviate
    from langchain_weaviate import WeaviateVectorStore
    from weaviate import WeaviateClient
    from weaviate.connect import ConnectionParams

    server = FakeWeaviate()
    closing.callback(server.close)
    host = "127.0.0.1"
    ports = ConnectionParams.from_params(host, server.port, False, host, server.grpc_port, False)
    client = WeaviateClient(ports, skip_init_checks=True)  # the checks ask PyPI for its version
    client.connect()
    closing.callback(client.close)
    spaces = {name: {"vectorizer": {"none": {}}} for name in ("title", named)}
    schema = {"class": "Passage", "properties": [], "vectorConfig": spaces} if named else None
    options = {"schema": schema, "use_multi_tenancy": tenant is not None}
    store = WeaviateVectorStore(client, "Passage", "text", corpus.embeddings, **options)
    if named is None:
        given = {"tenant": tenant} if tenant else {}
        store.add_documents(corpus.documents(), ids=corpus.ids, **given)
        return store, server
    with client.batch.fixed_size(100) as batch:
        for document, vector in zip(corpus.documents(), corpus.vectors, strict=True):
            batch.add_object(
                "Passage",
                properties={"text": document.page_content, **document.metadata},
                uuid=document.id,
                vector={"title": [1.0] * corpus.dim, named: vector.tolist()},
            )
    return store, server


def weaviate_filter(parity: str) -> dict[str, Any]:
    from weaviate.classes.query import Filter

    return {"filters": Filter.by_property("parity").equal(parity)}


def _elasticsearch(start: Callable[..., tuple[Any, FakeServer]], **options: Any) -> ServerCase:
    return ServerCase(
        "langchain_elasticsearch",
        start,
        filtered=lambda parity: {"filter": [term(parity)]},
        filter_of=lambda search: (
            search["knn"]["filter"]
            if "knn" in search
            else search["query"]["script_score"]["query"].get("bool")
        ),
        error="elasticsearch.BadRequestError",
        **options,
    )


def _opensearch(name: str, **options: Any) -> ServerCase:
    always = options.pop("always", {})
    metric = options.pop("metric", "l2")
    note = options.pop("note", None)
    return ServerCase(
        "opensearchpy",
        lambda corpus, closing: opensearch(corpus, closing, **options),
        filtered=lambda parity: {name: term(parity)},
        filter_of=lambda search: EVEN if str(EVEN) in str(search["query"]) else None,
        error="opensearchpy.exceptions.RequestError",
        metric=metric,
        always=always,
        note=note,
    )


def _redis(note: str | None = None, searches_itself: bool = True, **options: Any) -> ServerCase:
    return ServerCase(
        "langchain_redis",
        lambda corpus, closing: redis(corpus, closing, **options),
        filtered=redis_filter,
        filter_of=lambda search: "@parity:{even}" in search["query"],
        error="redisvl.exceptions.RedisSearchError",
        note=note,
        searches_itself=searches_itself,
    )


def _weaviate(always: dict[str, Any], **options: Any) -> ServerCase:
    return ServerCase(
        "langchain_weaviate",
        lambda corpus, closing: weaviate(corpus, closing, **options),
        filtered=weaviate_filter,
        filter_of=lambda search: search.filters.value_text == "even",
        error="weaviate.exceptions.WeaviateQueryError",
        always=always,
    )


SCRIPTED = {"search_type": "script_scoring", "space_type": "cosinesimil"}
CASES: dict[str, ServerCase] = {
    "Elasticsearch": _elasticsearch(elasticsearch),
    "Elasticsearch 8.19": _elasticsearch(lambda *given: elasticsearch(*given, version="8.19.0")),
    "Elasticsearch inner product": _elasticsearch(
        lambda *given: elasticsearch(*given, distance_strategy="MAX_INNER_PRODUCT"), metric="ip"
    ),
    "Elasticsearch script score": _elasticsearch(scripted, metric="l2"),
    "Elasticsearch hybrid": _elasticsearch(hybrid),
    "OpenSearch": _opensearch("filter"),
    "OpenSearch lucene": _opensearch("filter", engine="lucene"),
    "OpenSearch efficient filter": _opensearch("efficient_filter"),
    "OpenSearch boolean filter": _opensearch("boolean_filter", engine="faiss"),
    "OpenSearch scripted": _opensearch("pre_filter", always=SCRIPTED, metric="cosine"),
    "OpenSearch faiss cosine": _opensearch(
        "filter",
        engine="faiss",
        space_type="cosinesimil",
        scales=True,
        metric="cosine",
        note="scaled to unit length by the store",
    ),
    "Pinecone": ServerCase(
        "langchain_pinecone",
        pinecone,
        filtered=lambda parity: {"filter": {"parity": {"$eq": parity}}},
        filter_of=lambda search: search.get("filter"),
        error="pinecone.exceptions.PineconeApiException",
    ),
    "MongoDB": ServerCase(
        "langchain_mongodb",
        mongodb,
        filtered=lambda parity: {"pre_filter": {"parity": {"$eq": parity}}},
        filter_of=lambda search: search[0]["$vectorSearch"].get("filter"),
        error="pymongo.errors.OperationFailure",
    ),
    "Redis": _redis(),
    "Redis JSON": _redis(storage_type="json"),
    "Redis RESP2": _redis(connection_args={"protocol": 2}),
    "Redis decoded": _redis(connection_args={"decode_responses": True}),
    "Redis 64 bits": _redis(vector_datatype="FLOAT64", searches_itself=False),
    "Redis 16 bits": _redis(
        vector_datatype="BFLOAT16", note="stored as bfloat16", searches_itself=False
    ),
    "Weaviate": _weaviate({}),
    "Weaviate tenant": _weaviate({"tenant": "somebody"}, tenant="somebody"),
    "Weaviate named vector": _weaviate({"target_vector": "body"}, named="body"),
}


def started(case: ServerCase, corpus: Corpus, closing: ExitStack) -> tuple[Any, FakeServer]:
    """The store and its server, once no document may be embedded any more."""
    pytest.importorskip(case.package)
    store, server = case.start(corpus, closing)
    corpus.embeddings.sealed = True
    return store, server
