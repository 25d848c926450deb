"""SIFT for LangChain: retrieval by information gain over your vector store."""

from typing import TYPE_CHECKING, Any

from langchain_sift.compressor import SIFTCompressor
from langchain_sift.retriever import SIFTRetriever

if TYPE_CHECKING:
    from langchain_sift.calibration import calibrate

__version__ = "0.1.0"
__all__ = ["SIFTCompressor", "SIFTRetriever", "calibrate"]


def __getattr__(name: str) -> Any:
    if name == "calibrate":  # imported when it is used, with all the settings that it tries
        from langchain_sift.calibration import calibrate

        return calibrate
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
