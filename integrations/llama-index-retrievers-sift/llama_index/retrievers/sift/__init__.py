"""SIFT for LlamaIndex: retrieval by information gain over any vector index."""

from llama_index.retrievers.sift.base import SIFTRetriever
from llama_index.retrievers.sift.calibration import calibrate

__all__ = ["SIFTRetriever", "calibrate"]
