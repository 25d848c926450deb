"""Picks far down a long selection: as exact as the first, at any λ′."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from oracle import unit
from solvers import CPU_SOLVERS

from sift_retrievers import Cosine, RelevanceWeighted, select

Float64 = npt.NDArray[np.float64]
N = 200


def clustered(seed: int) -> npt.NDArray[np.float32]:
    """3,000 passages about 60 things."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(60, 48))
    passages = centres[random.integers(0, 60, 3000)] + 0.5 * random.normal(size=(3000, 48))
    return passages.astype(np.float32)


def scattered(seed: int) -> npt.NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=(3000, 48)).astype(np.float32)


def greedy(c: Float64, gram: Float64, noise: float, objective: str) -> tuple[list[int], float]:
    """Plain float64, without a band of ties: picks, and what they are worth together."""
    v, taken = gram.diagonal().copy(), np.zeros(len(c), dtype=bool)
    c, rows, worth = c.copy(), np.zeros((N, len(c))), 0.0
    picks: list[int] = []
    for n in range(N):
        score = c**2 / (v + noise) if objective == "variance" else 0.5 * np.log1p(v / noise)
        i = int(np.where(taken, -np.inf, score).argmax())
        worth += score[i]
        root = np.sqrt(v[i] + noise)
        rows[n] = (gram[i] - rows[:n, i] @ rows[:n]) / root
        c, v = c - c[i] / root * rows[n], np.maximum(v - rows[n] ** 2, 0)
        taken[i] = True
        picks.append(i)
    return picks, worth


@pytest.mark.parametrize("solver", CPU_SOLVERS)
@pytest.mark.parametrize("noise", [0.01, 0.1, 1.0])
@pytest.mark.parametrize("make", [clustered, scattered])
@pytest.mark.parametrize("objective", ["variance", "undirected"])
def test_the_two_hundredth_pick_is_float64s(
    objective: str, make: Any, noise: float, solver: str
) -> None:
    """A band of ties as wide as the first pick's rounding leaves 22 of 200 at λ′ = 0.01."""
    pool = make(1)
    query = pool[:4].mean(axis=0)
    x, q = unit(pool), unit(query[None])[0]
    cosines = x @ q
    r = np.exp(0.3 * (cosines - cosines.max()) / cosines.std())
    exact, worth = greedy(cosines * r, x @ x.T * np.outer(r, r), noise, objective)
    kernel = RelevanceWeighted(0.3, Cosine())
    chosen = select(
        query, pool, N, kernel=kernel, lambda_=noise, objective=objective, solver=solver
    )
    same = int((chosen.indices == exact).sum())
    assert same >= N - 10, f"{same} of {N}"
    found = 1 - chosen.variance[-1]
    if objective == "undirected":
        found = chosen.gains.astype(np.float64).sum()
    assert found == pytest.approx(worth, rel=1e-6)
