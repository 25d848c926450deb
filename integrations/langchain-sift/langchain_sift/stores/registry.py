"""Which reader reads which store."""

from __future__ import annotations

from typing import Final

from sift_retrievers.retrieval.registry import ReaderRegistry

_HERE: Final = "langchain_sift.stores"

READERS: Final = ReaderRegistry(
    {
        "langchain_astradb.AstraDBVectorStore": f"{_HERE}.astradb:AstraDBReader",
        "langchain_azure_postgresql.AsyncAzurePGVectorStore": (
            f"{_HERE}.azure_postgresql:AzurePGReader"
        ),
        "langchain_azure_postgresql.AzurePGVectorStore": f"{_HERE}.azure_postgresql:AzurePGReader",
        "langchain_chroma.Chroma": f"{_HERE}.chroma:ChromaReader",
        "langchain_community.Annoy": f"{_HERE}.annoy:AnnoyReader",
        "langchain_community.Chroma": f"{_HERE}.chroma:ChromaReader",
        "langchain_community.DocArrayIndex": f"{_HERE}.docarray:DocArrayReader",
        "langchain_community.DuckDB": f"{_HERE}.duckdb:DuckDBReader",
        "langchain_community.FAISS": f"{_HERE}.faiss:FAISSReader",
        "langchain_community.LanceDB": f"{_HERE}.lancedb:LanceDBReader",
        "langchain_community.OpenSearchVectorSearch": f"{_HERE}.opensearch:OpenSearchReader",
        "langchain_community.SKLearnVectorStore": f"{_HERE}.sklearn:SKLearnReader",
        "langchain_community.USearch": f"{_HERE}.usearch:USearchReader",
        "langchain_core.InMemoryVectorStore": f"{_HERE}.in_memory:InMemoryReader",
        "langchain_elasticsearch.AsyncElasticsearchStore": (
            f"{_HERE}.elasticsearch:ElasticsearchReader"
        ),
        "langchain_elasticsearch.ElasticsearchStore": f"{_HERE}.elasticsearch:ElasticsearchReader",
        "langchain_faiss.Faiss": f"{_HERE}.faiss_standalone:StandaloneFAISSReader",
        "langchain_lancedb.LanceDB": f"{_HERE}.lancedb_standalone:StandaloneLanceDBReader",
        "langchain_milvus.Milvus": f"{_HERE}.milvus:MilvusReader",
        "langchain_mongodb.MongoDBAtlasVectorSearch": f"{_HERE}.mongodb:MongoDBReader",
        "langchain_pinecone.PineconeVectorStore": f"{_HERE}.pinecone:PineconeReader",
        "langchain_postgres.PGVector": f"{_HERE}.pgvector:PGVectorReader",
        "langchain_postgres.PGVectorStore": f"{_HERE}.pgvectorstore:PGVectorStoreReader",
        "langchain_qdrant.QdrantVectorStore": f"{_HERE}.qdrant:QdrantReader",
        "langchain_redis.RedisVectorStore": f"{_HERE}.redis:RedisReader",
        "langchain_weaviate.WeaviateVectorStore": f"{_HERE}.weaviate:WeaviateReader",
    },
    own_search=lambda name: name.lstrip("a").startswith("similarity_search"),
)
register_reader = READERS.register
