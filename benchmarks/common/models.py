"""The embedding models of the benchmarks; both come with a package, nothing is downloaded.

- "minilm": all-MiniLM-L6-v2, a small transformer, 384 dimensions; it reads 256 tokens of a text.
- "wordllama": WordLlama, static vectors of tokens and their mean, 256 dimensions; it reads
  thousands of passages a second on one core and needs no torch.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from benchmarks.common.embeddings import Encoder, Vectors

sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))
from minilm import SHA256, bundled_minilm  # type: ignore[import-not-found]

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

MODEL = f"all-MiniLM-L6-v2 {SHA256}"
BATCH = 32


@dataclass(frozen=True)
class Embedder:
    """An embedding model as a command is given it."""

    name: str
    """Of the command line and of the pages of results."""
    version: str
    """Name for the cache: other weights have another."""
    encode: Encoder


def minilm(texts: list[str]) -> npt.NDArray[Any]:
    """Vectors of unit length from the packaged model: `[n, 384]`.

    Matrix products in bfloat16, which halves the time; on 96 passages the cosine to the vectors
    without it was at least 0.99997.
    """
    import torch

    model = _minilm()
    with torch.autocast(model.device.type, dtype=torch.bfloat16):
        vectors = model.encode(
            texts,
            batch_size=BATCH,
            normalize_embeddings=True,
            show_progress_bar=False,
            convert_to_tensor=True,
        )
    found: npt.NDArray[Any] = vectors.float().cpu().numpy()
    return found


def wordllama(texts: list[str]) -> Vectors:
    """Vectors of unit length from the packaged model: `[n, 256]`.

    A text without a token has no mean; it gets the first unit vector, which is as far from other
    texts as any.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        vectors: Vectors = np.nan_to_num(_wordllama().embed(texts, norm=True))
    vectors[~vectors.any(axis=1), 0] = 1.0
    return vectors


@cache
def _minilm() -> SentenceTransformer:
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # the weights are in a package
    import torch
    from sentence_transformers import SentenceTransformer  # reads the variable when imported

    device = "cuda" if torch.cuda.is_available() else "cpu"
    return SentenceTransformer(str(bundled_minilm()), device=device)


@cache
def _wordllama() -> Any:
    import wordllama as package  # type: ignore[import-untyped]

    folder = Path(package.__file__).parent
    return package.WordLlama.load(cache_dir=folder, disable_download=True)


MODELS: dict[str, Callable[[], Embedder]] = {
    "minilm": lambda: Embedder("minilm", MODEL, minilm),
    "wordllama": lambda: Embedder("wordllama", f"WordLlama {version('wordllama')}", wordllama),
}
"""By the name of the command line."""
