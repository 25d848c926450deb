"""Stores in packages of their own that are not among the requirements of these tests.

Each runs where its package is installed: langchain-astradb, langchain-azure-postgresql.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any
from uuid import uuid4

import postgres
from async_cases import ALONE, AsyncCase, added, parity_filter
from corpus import Corpus


async def astradb(corpus: Corpus, closing: AsyncExitStack) -> Any:
    from fake_astradb import FakeAstraDB
    from langchain_astradb import AstraDBVectorStore

    server = FakeAstraDB()
    closing.callback(server.close)
    store = AstraDBVectorStore(
        collection_name="test",
        embedding=corpus.embeddings,
        api_endpoint=server.url,
        environment="hcd",
        namespace="keyspace",
        token="none",
    )
    if corpus.texts:
        store.add_documents(corpus.documents(), ids=corpus.ids)
    return store


async def azure(corpus: Corpus, closing: AsyncExitStack) -> Any:
    from langchain_azure_postgresql import AzurePGVectorStore
    from psycopg_pool import ConnectionPool

    pool = closing.enter_context(ConnectionPool(_address(), open=True))
    store = AzurePGVectorStore(connection=pool, **_options(corpus))
    if corpus.texts:
        store.add_documents(corpus.documents(), ids=corpus.ids)
    return store


async def azure_async(corpus: Corpus, closing: AsyncExitStack) -> Any:
    from langchain_azure_postgresql import AsyncAzurePGVectorStore
    from psycopg_pool import AsyncConnectionPool

    pool = AsyncConnectionPool(_address(), open=False)
    await pool.open(wait=True)
    closing.push_async_callback(pool.close)
    store = AsyncAzurePGVectorStore(connection=pool, **_options(corpus))
    await added(store, corpus)
    return store


def _address() -> str:
    return postgres.url().replace("+psycopg", "")


def _options(corpus: Corpus) -> dict[str, Any]:
    from langchain_azure_postgresql import HNSW, VectorOpClass

    return {
        "embedding": corpus.embeddings,
        "table_name": f"t{uuid4().hex}",
        "embedding_dimension": corpus.dim,
        "embedding_index": HNSW(op_class=VectorOpClass.vector_l2_ops),
    }


def azure_filter(parity: str) -> dict[str, Any]:
    return {"filter": {"column": "parity", "operator": "=", "value": parity}}


CASES: dict[str, AsyncCase] = {
    "Astra DB": AsyncCase("langchain_astradb", astradb, parity_filter),
    "Azure PostgreSQL": AsyncCase(
        "langchain_azure_postgresql", azure, azure_filter, {"metric": "l2", "native_async": False}
    ),
    "Azure PostgreSQL async": AsyncCase(
        "langchain_azure_postgresql", azure_async, azure_filter, {"metric": "l2", **ALONE}
    ),
}
