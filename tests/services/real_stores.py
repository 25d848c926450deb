"""Stores of LangChain on real servers, at the ports that compose.yaml publishes."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from corpus import Corpus

HOST = os.environ.get("SIFT_SERVICES", "")
"""The host on which the servers run; the tests are skipped where it is not set."""


@dataclass(frozen=True)
class RealStore:
    """How to fill a store, and how its searches are filtered."""

    package: str
    """Not tested where it is not installed."""
    filled: Callable[[Corpus, str, ExitStack], Any]
    """Fills a store with the corpus, under a name that nobody else uses."""
    even: Callable[[], dict[str, Any]]
    """search_kwargs that let only even documents through."""


def postgres(corpus: Corpus, name: str, closing: ExitStack) -> Any:
    from langchain_postgres import Column, PGEngine, PGVectorStore

    url = os.environ.get(
        "SIFT_SERVICES_POSTGRES", f"postgresql+psycopg://postgres:sift@{HOST}:5432/postgres"
    )
    engine = PGEngine.from_connection_string(url)
    columns = [Column("number", "INTEGER"), Column("parity", "TEXT")]
    engine.init_vectorstore_table(name, corpus.dim, metadata_columns=columns)
    closing.callback(engine.drop_table, name)
    return PGVectorStore.create_sync(
        engine, corpus.embeddings, name, metadata_columns=["number", "parity"]
    )


def redis(corpus: Corpus, name: str, closing: ExitStack) -> Any:
    from langchain_redis import RedisVectorStore

    schema = [{"name": "parity", "type": "tag"}, {"name": "number", "type": "numeric"}]
    store = RedisVectorStore(
        corpus.embeddings,
        index_name=name,
        redis_url=f"redis://{HOST}:6379",
        embedding_dimensions=corpus.dim,
        metadata_schema=schema,
    )
    closing.callback(store.index.client.close)
    closing.callback(store.index.delete, drop=True)
    return store


def redis_even() -> dict[str, Any]:
    from redisvl.query.filter import Tag

    return {"filter": Tag("parity") == "even"}


def elasticsearch(corpus: Corpus, name: str, closing: ExitStack) -> Any:
    from langchain_elasticsearch import ElasticsearchStore

    store = ElasticsearchStore(
        name, embedding=corpus.embeddings, es_url=f"http://{HOST}:9200", num_dimensions=corpus.dim
    )
    closing.callback(store.close)
    closing.callback(store.client.indices.delete, index=name, ignore_unavailable=True)
    return store


def opensearch(corpus: Corpus, name: str, closing: ExitStack) -> Any:
    from langchain_community.vectorstores import OpenSearchVectorSearch

    store = OpenSearchVectorSearch(
        f"http://{HOST}:9201", name, corpus.embeddings, engine="lucene", space_type="cosinesimil"
    )
    closing.callback(store.client.close)
    closing.callback(store.client.indices.delete, index=name, ignore_unavailable=True)
    return store


def weaviate(corpus: Corpus, name: str, closing: ExitStack) -> Any:
    from langchain_weaviate import WeaviateVectorStore
    from weaviate import connect_to_local

    client = connect_to_local(HOST)
    closing.callback(client.close)
    name = name.capitalize()
    closing.callback(client.collections.delete, name)
    return WeaviateVectorStore(client, name, "text", corpus.embeddings)


def weaviate_even() -> dict[str, Any]:
    from weaviate.classes.query import Filter

    return {"filters": Filter.by_property("parity").equal("even")}


def mongodb(corpus: Corpus, name: str, closing: ExitStack) -> Any:
    from langchain_mongodb import MongoDBAtlasVectorSearch
    from pymongo import MongoClient

    client: Any = MongoClient(f"mongodb://{HOST}:27017/?directConnection=true")
    closing.callback(client.close)
    collection = client["sift"].create_collection(name)
    closing.callback(collection.drop)
    store = MongoDBAtlasVectorSearch(collection, corpus.embeddings, relevance_score_fn="cosine")
    store.create_vector_search_index(corpus.dim, filters=["parity"], wait_until_complete=120)
    return store


def qdrant(corpus: Corpus, name: str, closing: ExitStack) -> Any:
    from langchain_qdrant import QdrantVectorStore
    from qdrant_client import QdrantClient, models

    client = QdrantClient(HOST, port=6333)
    closing.callback(client.close)
    size = models.VectorParams(size=corpus.dim, distance=models.Distance.COSINE)
    client.create_collection(name, vectors_config=size)
    closing.callback(client.delete_collection, name)
    return QdrantVectorStore(client, name, corpus.embeddings)


def qdrant_even() -> dict[str, Any]:
    from qdrant_client import models

    match = models.FieldCondition(key="metadata.parity", match=models.MatchValue(value="even"))
    return {"filter": models.Filter(must=[match])}


def milvus(corpus: Corpus, name: str, closing: ExitStack) -> Any:
    from langchain_milvus import Milvus

    store = Milvus(
        corpus.embeddings,
        collection_name=name,
        connection_args={"uri": f"http://{HOST}:19530"},
        index_params={"index_type": "FLAT", "metric_type": "COSINE"},
        consistency_level="Strong",
        auto_id=False,
    )
    closing.callback(lambda: store.client.drop_collection(name))
    return store


def term() -> dict[str, Any]:
    return {"term": {"metadata.parity.keyword": "even"}}


STORES = {
    "PostgreSQL": RealStore("langchain_postgres", postgres, lambda: {"filter": {"parity": "even"}}),
    "Redis": RealStore("langchain_redis", redis, redis_even),
    "Elasticsearch": RealStore(
        "langchain_elasticsearch", elasticsearch, lambda: {"filter": [term()]}
    ),
    "OpenSearch": RealStore("opensearchpy", opensearch, lambda: {"efficient_filter": term()}),
    "Weaviate": RealStore("langchain_weaviate", weaviate, weaviate_even),
    "MongoDB": RealStore("langchain_mongodb", mongodb, lambda: {"pre_filter": {"parity": "even"}}),
    "Qdrant": RealStore("langchain_qdrant", qdrant, qdrant_even),
    "Milvus": RealStore("langchain_milvus", milvus, lambda: {"expr": "parity == 'even'"}),
}


def filled(name: str, corpus: Corpus, closing: ExitStack) -> tuple[Any, RealStore]:
    """A store with the documents of a corpus; the stack removes it."""
    case = STORES[name]
    pytest.importorskip(case.package)
    store = case.filled(corpus, f"sift{uuid4().hex}", closing)
    store.add_documents(corpus.documents(), ids=corpus.ids)
    return store, case
