"""Stores with an asynchronous client, which some of them have alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import postgres
import server_cases
import store_cases
from corpus import Corpus


@dataclass(frozen=True)
class AsyncCase:
    """How to set up one store, on the running event loop."""

    package: str
    """Nothing is run where it is not installed."""
    build: Callable[[Corpus, AsyncExitStack], Awaitable[Any]]
    """The store, filled; the stack closes it."""
    filtered: Callable[[str], dict[str, Any]]
    """search_kwargs that let only documents of a parity through."""
    options: dict[str, Any] = field(default_factory=dict)
    """Further traits of the store, as `StoreTraits` has them."""


async def elasticsearch(corpus: Corpus, closing: AsyncExitStack) -> Any:
    from fake_search import FakeElasticsearch
    from langchain_elasticsearch import AsyncElasticsearchStore

    server = FakeElasticsearch()
    closing.callback(server.close)
    store = AsyncElasticsearchStore(
        "test", embedding=corpus.embeddings, es_url=server.url, num_dimensions=corpus.dim
    )
    closing.push_async_callback(store.aclose)
    await store.aadd_documents(corpus.documents(), ids=corpus.ids)
    return store


async def pgvector(corpus: Corpus, closing: AsyncExitStack) -> Any:
    from langchain_postgres import PGVector
    from sqlalchemy.ext.asyncio import create_async_engine

    engine = create_async_engine(postgres.url())
    closing.push_async_callback(engine.dispose)
    store = PGVector(
        corpus.embeddings,
        connection=engine,
        collection_name=uuid4().hex,
        use_jsonb=True,
        # In one step with a later command, which psycopg does not take asynchronously.
        create_extension=False,
    )
    await added(store, corpus)
    return store


async def pgvectorstore(corpus: Corpus, closing: AsyncExitStack) -> Any:
    from langchain_postgres import Column, PGEngine, PGVectorStore
    from sqlalchemy.ext.asyncio import create_async_engine

    pool, table = create_async_engine(postgres.url()), f"t{uuid4().hex}"
    closing.push_async_callback(pool.dispose)
    engine = PGEngine.from_engine(pool)
    columns = [Column("number", "INTEGER"), Column("parity", "TEXT")]
    await engine.ainit_vectorstore_table(table, corpus.dim, metadata_columns=columns)
    store = await PGVectorStore.create(
        engine, corpus.embeddings, table, metadata_columns=["number", "parity"]
    )
    await added(store, corpus)
    return store


async def added(store: Any, corpus: Corpus) -> None:
    if corpus.texts:
        await store.aadd_documents(corpus.documents(), ids=corpus.ids)


async def qdrant(corpus: Corpus, closing: AsyncExitStack) -> Any:
    from langchain_qdrant import QdrantVectorStore
    from qdrant_client import AsyncQdrantClient, models

    client = AsyncQdrantClient(":memory:")
    closing.push_async_callback(client.close)
    params = models.VectorParams(size=corpus.dim, distance=models.Distance.DOT)
    await client.create_collection("test", vectors_config=params)
    rows = zip(corpus.ids, corpus.vectors, corpus.texts, corpus.metadatas, strict=True)
    points = [
        models.PointStruct(
            id=name, vector=vector.tolist(), payload={"page_content": text, "metadata": metadata}
        )
        for name, vector, text, metadata in rows
    ]
    if points:
        await client.upsert("test", points)
    return QdrantVectorStore(client, "test", corpus.embeddings, validate_collection_config=False)


def parity_filter(parity: str) -> dict[str, Any]:
    """Of several stores."""
    return {"filter": {"parity": parity}}


def qdrant_filter(parity: str) -> dict[str, Any]:
    return store_cases.qdrant_filter("parity", parity)


async def weaviate(corpus: Corpus, closing: AsyncExitStack) -> Any:
    from weaviate import WeaviateAsyncClient

    store, _ = server_cases.weaviate(corpus, closing)
    client = WeaviateAsyncClient(
        store._client._connection._connection_params, skip_init_checks=True
    )
    await client.connect()
    closing.push_async_callback(client.close)
    store._client_async = client
    return store


async def pinecone(corpus: Corpus, closing: AsyncExitStack) -> Any:
    from langchain_pinecone import PineconeVectorStore
    from pinecone import PineconeAsyncio

    _, server = server_cases.pinecone(corpus, closing)
    maker = await closing.enter_async_context(PineconeAsyncio(api_key="none"))
    index = await closing.enter_async_context(maker.IndexAsyncio(host=server.url))
    return PineconeVectorStore(index, corpus.embeddings, namespace="passages")


ALONE = {"synchronous": False}
CASES: dict[str, AsyncCase] = {
    "Elasticsearch": AsyncCase(
        "langchain_elasticsearch",
        elasticsearch,
        lambda parity: {"filter": [server_cases.term(parity)]},
        ALONE,
    ),
    "PGVector": AsyncCase("pgserver", pgvector, parity_filter, ALONE),
    "PGVectorStore": AsyncCase("pgserver", pgvectorstore, parity_filter, ALONE),
    # The store cannot write by an asynchronous client.
    "Qdrant": AsyncCase(
        "langchain_qdrant", qdrant, qdrant_filter, {**ALONE, "metric": "ip", "writable": False}
    ),
    "Weaviate": AsyncCase("langchain_weaviate", weaviate, server_cases.weaviate_filter),
    "Pinecone": AsyncCase(
        "langchain_pinecone", pinecone, lambda parity: {"filter": {"parity": {"$eq": parity}}}
    ),
}
