"""Dartboard: passages by "relevant information gain", arXiv 2407.12101.

One of the candidates t is what is looked for, with a probability that falls with its distance to
the question, and the picks G are guesses at it, of which the best counts. Greedily, each pick
maximises

    log Σ_t N(D(q, t); σ) max_{g ∈ G} N(D(t, g); σ),    N(D; σ) ∝ exp(−D² / 2σ²),

the form of the authors' code, with their distance for cosines, D = (1 − cos) / 2. The first pick is
the nearest. σ is the only parameter.
"""

from __future__ import annotations

import numpy as np

from benchmarks.common.embeddings import Vectors
from benchmarks.retrieval.methods import PEER, Method, one_by_one


def dartboard(query: Vectors, pool: Vectors, k: int, sigma: float) -> list[int]:
    """Positions of k picks from `pool` `[K, d]` for `query` `[d]`."""

    def density(cosines: Vectors) -> Vectors:
        return np.exp(-(((1 - cosines) / 2) ** 2) / (2 * sigma**2))

    wanted = density((pool @ query).astype(np.float64))  # [K] of the targets, not normalised
    wanted /= wanted.max()
    near = density((pool @ pool.T).astype(np.float64))  # [K, K], picks times targets
    best = np.zeros(len(pool))
    picks: list[int] = []
    for n in range(min(k, len(pool))):
        # No logarithm is needed to find the largest.
        scores = np.maximum(near, best) @ wanted if n else wanted.copy()
        scores[picks] = -1
        picks.append(int(scores.argmax()))
        best = np.maximum(best, near[picks[-1]])
    return picks


DARTBOARD = Method(
    "Dartboard",
    PEER,
    one_by_one(dartboard),
    default={"sigma": 0.1},
    grid={"sigma": (0.02, 0.05, 0.1, 0.2, 0.4)},
)
