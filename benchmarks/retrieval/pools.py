"""The nearest passages of every query: the candidates that all methods choose from."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.common.embeddings import CACHE, Vectors

POOL = 200
_BLOCK = 1 << 24  # cosines held at once: 64 MB, and their order 128 MB


@dataclass(frozen=True)
class Pools:
    """The K nearest passages of Q queries, nearest first; equal cosines by position."""

    positions: npt.NDArray[np.int32]
    """`[Q, K]` rows of the matrix of passages."""
    cosines: Vectors
    """`[Q, K]` inner products, which are cosines for vectors of unit length."""


def nearest(
    queries: Vectors, passages: Vectors, size: int = POOL, *, folder: Path = CACHE
) -> Pools:
    """Exact search, or what an earlier search in the same vectors found.

    Args:
        queries: `[Q, d]` of unit length.
        passages: `[N, d]` of unit length.
        size: K; fewer where there are fewer passages.
        folder: where the cache lies; made if it is not there.

    Raises:
        ValueError: for shapes that do not fit, no passages, or a size below 1.
    """
    fits = queries.ndim == passages.ndim == 2 and queries.shape[1] == passages.shape[1]
    if not fits or len(passages) == 0 or size < 1:
        raise ValueError(
            "expected queries [Q, d], passages [N, d] with N ≥ 1 and a size of at least 1; "
            f"got {queries.shape}, {passages.shape} and {size}"
        )
    digest = hashlib.sha256(repr((queries.shape, passages.shape, size)).encode())
    for array in (queries, passages):
        digest.update(np.ascontiguousarray(array).data)
    file = folder / f"pools-{digest.hexdigest()[:32]}.npz"
    if file.exists():
        with np.load(file) as saved:
            return Pools(positions=saved["positions"], cosines=saved["cosines"])
    pools = search(queries, passages, min(size, len(passages)))
    folder.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial.npz")
    np.savez(partial, positions=pools.positions, cosines=pools.cosines)
    partial.replace(file)  # a run that is interrupted leaves no half-written cache
    return pools


def search(queries: Vectors, passages: Vectors, size: int) -> Pools:
    """Exact search, nothing kept."""
    step = max(1, _BLOCK // len(passages))
    positions = np.empty((len(queries), size), dtype=np.int32)
    cosines = np.empty((len(queries), size), dtype=np.float32)
    for start in range(0, len(queries), step):
        rows = slice(start, start + step)
        scores = queries[rows] @ passages.T
        order = np.argsort(-scores, axis=1, kind="stable")[:, :size]
        positions[rows] = order
        cosines[rows] = np.take_along_axis(scores, order, axis=1)
    return Pools(positions, cosines)
