"""`Embedder`: turns questions and passages into vectors, by a model that the user names."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sift_retrievers.cli.problem import CommandError, needed
from sift_retrievers.cli.progress import progress

Vectors = npt.NDArray[np.float32]
BATCH: Final = 256


@dataclass(frozen=True)
class Embedder:
    """An embedding model."""

    name: str
    documents: Callable[[list[str]], Vectors]
    """`[n, d]` of n texts, with a progress bar."""
    queries: Callable[[list[str]], Vectors]
    """`[n, d]` of n questions, with a progress bar."""


def embedder(name: str) -> Embedder:
    """The model of that name.

    Args:
        name: "wordllama", or the name or folder of a sentence-transformers model.

    Raises:
        CommandError: if its package is missing, or the model cannot be loaded.
    """
    if not name.strip():
        raise CommandError("--embedding must name a model; got an empty text")
    if name == "wordllama":
        return _wordllama()
    package = needed("sentence_transformers", "sentence-transformers", f"--embedding {name}")
    for noisy in ("huggingface_hub", "sentence_transformers", "transformers"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    try:
        model = package.SentenceTransformer(name)
    except Exception as error:  # of the hub, the file system or torch
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise CommandError(
            f"--embedding {name}: sentence-transformers cannot load it: {first[:200]}"
        ) from None
    plain = model.encode

    def encoded(call: Callable[..., Any]) -> Callable[[list[str]], Vectors]:
        return lambda texts: _batches(texts, lambda part: call(part, show_progress_bar=False))

    return Embedder(
        name,
        encoded(getattr(model, "encode_document", plain)),
        encoded(getattr(model, "encode_query", plain)),
    )


def _wordllama() -> Embedder:
    package = needed("wordllama", "wordllama", "--embedding wordllama")
    folder = Path(package.__file__).parent
    try:
        model = package.WordLlama.load(cache_dir=folder, disable_download=True)
    except Exception as error:  # a package without its weights
        raise CommandError(f"--embedding wordllama cannot be loaded: {error}") from None

    def embed(texts: list[str]) -> Vectors:
        with np.errstate(invalid="ignore", divide="ignore"):
            found: Vectors = np.nan_to_num(model.embed(texts, norm=True))
        return found

    def batches(texts: list[str]) -> Vectors:
        return _batches(texts, embed)

    return Embedder("wordllama", batches, batches)


def _batches(texts: list[str], embed: Callable[[list[str]], Any]) -> Vectors:
    starts = range(0, len(texts), BATCH)
    bar = progress(starts, "embedding") if len(texts) > BATCH else starts
    parts = [np.asarray(embed(texts[i : i + BATCH]), dtype=np.float32) for i in bar]
    return np.concatenate(parts) if parts else np.empty((0, 0), dtype=np.float32)
