"""SIFT for LlamaIndex: retrieval by information gain over any vector index."""

from typing import TYPE_CHECKING, Any

from llama_index.retrievers.sift.base import SIFTRetriever

if TYPE_CHECKING:
    from llama_index.retrievers.sift.calibration import calibrate

__all__ = ["SIFTRetriever", "calibrate"]


def __getattr__(name: str) -> Any:
    if name == "calibrate":  # imported when it is used, with all the settings that it tries
        from llama_index.retrievers.sift.calibration import calibrate

        return calibrate
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
