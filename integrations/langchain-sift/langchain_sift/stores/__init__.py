"""Readers of vector stores: each returns the hits of a search with the stored vectors.

There is one file for each store.
"""

from langchain_sift.stores.hits import hits_of
from langchain_sift.stores.lookup import check_lookup, stored_vectors
from langchain_sift.stores.readers import Adapter, check_store, embeddings_of, reader_of
from langchain_sift.stores.reembedding import ReembeddingWarning, warn_once
from langchain_sift.stores.registry import register_reader
from langchain_sift.stores.search import search
from sift_retrievers.retrieval import Hits, StoredVector, StoreReader

__all__ = [
    "Adapter",
    "Hits",
    "ReembeddingWarning",
    "StoreReader",
    "StoredVector",
    "check_lookup",
    "check_store",
    "embeddings_of",
    "hits_of",
    "reader_of",
    "register_reader",
    "search",
    "stored_vectors",
    "warn_once",
]
