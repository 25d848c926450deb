"""Retrieval by information gain: passages that together reduce the uncertainty about the answer.

SIFT, arXiv 2410.08020 (ICLR 2025). `select` works on any embeddings. The integrations for LangChain
and LlamaIndex are the distributions `langchain-sift` and `llama-index-retrievers-sift`.
"""

from importlib import import_module
from typing import Any

from sift_retrievers.coverage import Coverage
from sift_retrievers.kernels import (
    Cosine,
    Exponential,
    Kernel,
    Linear,
    RelevanceWeighted,
    SharedNoise,
)
from sift_retrievers.selection import (
    Selection,
    gains_after,
    posterior_variance,
    select,
)
from sift_retrievers.stop_reason import StopReason

__version__ = "0.1.0"
_PARTS = ("activeft", "calibration", "faiss", "finetune", "metrics", "retrieval", "witnesses")
__all__ = [
    "Cosine",
    "Coverage",
    "Exponential",
    "Kernel",
    "Linear",
    "RelevanceWeighted",
    "Selection",
    "SharedNoise",
    "StopReason",
    "gains_after",
    "posterior_variance",
    "select",
]


def __getattr__(name: str) -> Any:
    """The other parts, each imported when it is asked for."""
    if name in _PARTS:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
