"""SIFT for LlamaIndex: reranking by information gain of any retriever's nodes."""

from llama_index.postprocessor.sift.base import SIFTRerank

__all__ = ["SIFTRerank"]
