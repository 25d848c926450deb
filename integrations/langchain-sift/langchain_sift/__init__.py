"""SIFT for LangChain: retrieval by information gain over your vector store."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from langchain_sift.calibration import calibrate
    from langchain_sift.compressor import SIFTCompressor
    from langchain_sift.retriever import SIFTRetriever

__version__ = "0.1.0"
__all__ = ["SIFTCompressor", "SIFTRetriever", "calibrate"]

# Imported when they are first used, so that a program loads only the modules that it needs.
_HOMES = {
    "SIFTCompressor": "compressor",
    "SIFTRetriever": "retriever",
    "calibrate": "calibration",
}
_PARTS = ("calibration", "compressor", "finetune", "retriever", "stores")


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    if name in _PARTS:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES, *_PARTS})
