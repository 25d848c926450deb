"""Random pools of candidates, all methods on the same."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]
POOLS = 8
"""So many take turns, so that no method finds its pool in the processor's cache."""


def pools(count: int, dim: int, number: int = POOLS) -> list[Vectors]:
    """`number` arrays `[count, dim]` of random vectors of unit length, float32; always the same."""
    random = np.random.default_rng(0)
    made = [random.normal(size=(count, dim)).astype(np.float32) for _ in range(number)]
    return [pool / np.linalg.norm(pool, axis=1, keepdims=True) for pool in made]


def query_of(pool: Vectors) -> Vectors:
    """A query `[dim]` that is somewhat near to the first five candidates."""
    query: Vectors = pool[:5].mean(axis=0)
    return query
