"""SIFT for LangChain: retrieval by information gain over your vector store."""

from langchain_sift.calibration import calibrate
from langchain_sift.compressor import SIFTCompressor
from langchain_sift.retriever import SIFTRetriever

__version__ = "0.1.0"
__all__ = ["SIFTCompressor", "SIFTRetriever", "calibrate"]
