"""SIFT for LlamaIndex: retrieval by information gain over any vector index."""

from llama_index.retrievers.sift.base import SIFTRetriever

__all__ = ["SIFTRetriever"]
