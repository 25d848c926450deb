"""Readers of vector stores, which look up the vectors of nodes by id; one file for each store."""

from llama_index.retrievers.sift.stores.registry import (
    READERS,
    VectorAdapter,
    reader_of,
    register_reader,
)
from sift_retrievers.retrieval import StoredVector, StoreReader

__all__ = [
    "READERS",
    "StoreReader",
    "StoredVector",
    "VectorAdapter",
    "reader_of",
    "register_reader",
]
