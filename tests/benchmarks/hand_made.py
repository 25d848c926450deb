"""Candidates made by hand, and a method that reads its picks from a table."""

from __future__ import annotations

import numpy as np

from benchmarks.retrieval.candidates import Candidates, Picks
from benchmarks.retrieval.methods import Method
from sift_retrievers.metrics import Judgements


def candidates(
    queries: int = 4, size: int = 30, dim: int = 8, seed: int = 0, name: str = "musique"
) -> Candidates:
    """Random unit vectors, nearest first; the odd candidates hold facet a, every fifth b.

    Every third candidate nearly repeats the one before it.
    """
    random = np.random.default_rng(seed)
    asked = random.normal(size=(queries, dim))
    pool = random.normal(size=(queries, size, dim)) + 2 * asked[:, None]
    pool[:, 2::3] = pool[:, 1::3] + 0.1 * random.normal(size=pool[:, 2::3].shape)
    asked, pool = (x / np.linalg.norm(x, axis=-1, keepdims=True) for x in (asked, pool))
    cosines = np.einsum("qd,qkd->qk", asked, pool)
    order = np.argsort(-cosines, axis=1)
    facets = {f"d{i}": {"a"} for i in range(1, size, 2)}
    for i in range(0, size, 5):
        facets[f"d{i}"] = facets.get(f"d{i}", set()) | {"b"}
    return Candidates(
        name=name,
        variant="plain",
        queries=asked.astype(np.float32),
        vectors=np.take_along_axis(pool, order[:, :, None], axis=1).astype(np.float32),
        cosines=np.take_along_axis(cosines, order, axis=1).astype(np.float32),
        documents=tuple(tuple(f"d{i}" for i in range(size)) for _ in range(queries)),
        judgements=(Judgements(facets),) * queries,
    )


def shifted(candidates: Candidates, k: int, start: int) -> Picks:
    """The k candidates from `start` on."""
    return np.tile(np.arange(start, start + k, dtype=np.int16), (len(candidates.queries), 1))


SHIFTED = Method(
    "shifted", "ours", shifted, default={"start": 3}, grid={"start": (0, 3, 5)}, limit=20
)
