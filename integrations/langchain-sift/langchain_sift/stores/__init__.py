"""How each vector store hands over its hits with their stored vectors; one file a store."""

from langchain_sift.stores.hits import Hits
from langchain_sift.stores.registry import StoreAdapter, adapter_for, fetch_hits

__all__ = ["Hits", "StoreAdapter", "adapter_for", "fetch_hits"]
