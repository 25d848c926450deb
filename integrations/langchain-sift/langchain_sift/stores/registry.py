"""Which adapter reads which store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from langchain_core.documents import Document

from sift_retrievers.retrieval import AdapterRegistry, Hits

StoreAdapter: TypeAlias = Callable[..., Hits[Document]]
"""`fetch(store, query, fetch_k, **search_kwargs)`: how a store's hits hand over their vectors.

`query` is `[d]` float32. The keyword arguments that it names are the `search_kwargs` that the store
takes; filters must be applied before the `fetch_k` nearest are cut. Returns the hits nearest first;
`hits_of(documents, vectors, query)` makes them from whole documents.
"""

_HERE: Final = "langchain_sift.stores"

ADAPTERS: Final[AdapterRegistry[StoreAdapter]] = AdapterRegistry(
    {
        "langchain_chroma.Chroma": f"{_HERE}.chroma",
        "langchain_community.Annoy": f"{_HERE}.annoy",
        "langchain_community.Chroma": f"{_HERE}.chroma",
        "langchain_community.DocArrayIndex": f"{_HERE}.docarray",
        "langchain_community.DuckDB": f"{_HERE}.duckdb",
        "langchain_community.FAISS": f"{_HERE}.faiss",
        "langchain_community.LanceDB": f"{_HERE}.lancedb",
        "langchain_community.OpenSearchVectorSearch": f"{_HERE}.opensearch",
        "langchain_community.SKLearnVectorStore": f"{_HERE}.sklearn",
        "langchain_community.USearch": f"{_HERE}.usearch",
        "langchain_core.InMemoryVectorStore": f"{_HERE}.in_memory",
        "langchain_elasticsearch.ElasticsearchStore": f"{_HERE}.elasticsearch",
        "langchain_milvus.Milvus": f"{_HERE}.milvus",
        "langchain_mongodb.MongoDBAtlasVectorSearch": f"{_HERE}.mongodb",
        "langchain_pinecone.PineconeVectorStore": f"{_HERE}.pinecone",
        "langchain_postgres.PGVector": f"{_HERE}.pgvector",
        "langchain_postgres.PGVectorStore": f"{_HERE}.pgvectorstore",
        "langchain_qdrant.QdrantVectorStore": f"{_HERE}.qdrant",
        "langchain_redis.RedisVectorStore": f"{_HERE}.redis",
        "langchain_weaviate.WeaviateVectorStore": f"{_HERE}.weaviate",
    },
    own_search=lambda name: name.lstrip("a").startswith("similarity_search"),
)
register_adapter = ADAPTERS.register
