"""SIFT for LlamaIndex: reranks the nodes of any retriever by information gain."""

from llama_index.postprocessor.sift.base import SIFTRerank

__all__ = ["SIFTRerank"]
