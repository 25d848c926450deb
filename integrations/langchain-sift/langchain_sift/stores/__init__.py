"""How each vector store hands over its hits with their stored vectors; one file a store."""

from langchain_sift.stores.hits import hits_of
from langchain_sift.stores.ladder import check_store, embeddings_of, fetch_hits
from langchain_sift.stores.lookup import check_lookup, stored_vectors
from langchain_sift.stores.reembedding import ReembeddingWarning, warn_once
from langchain_sift.stores.registry import StoreAdapter, register_adapter
from sift_retrievers.retrieval import Hits

__all__ = [
    "Hits",
    "ReembeddingWarning",
    "StoreAdapter",
    "check_lookup",
    "check_store",
    "embeddings_of",
    "fetch_hits",
    "hits_of",
    "register_adapter",
    "stored_vectors",
    "warn_once",
]
