"""`gains_after`: what each candidate would gain after some were observed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from oracle import OracleProblem

from sift_retrievers import gains_after, posterior_variance, select


def random_pool(seed: int = 0) -> tuple[Any, Any]:
    random = np.random.default_rng(seed)
    pool = random.normal(size=(30, 6)).astype(np.float32)
    pool[15:] = pool[:15] + random.normal(size=(15, 6)).astype(np.float32) * 0.05
    return random.normal(size=(3, 6)).astype(np.float32), pool


@pytest.mark.parametrize("objective", ["variance", "entropy", "undirected"])
@pytest.mark.parametrize("targets", [1, 3])
def test_gains_after_are_those_of_the_oracle(objective: str, targets: int) -> None:
    for seed in range(5):
        queries, pool = random_pool(seed)
        queries = queries[:targets]
        oracle = OracleProblem(queries, pool, 0.2, objective=objective)
        for observed in ([], [3], [3, 18, 7, 0]):
            gains = gains_after(queries[None], pool, observed, lambda_=0.2, objective=objective)
            expected = oracle.scores(observed, as_ranked=False)
            if objective == "variance":
                before = oracle.variance(observed)
                expected = 0.5 * np.log(before / (before - expected))
            np.testing.assert_allclose(gains, expected, rtol=1e-6, atol=1e-9)


def test_gains_after_repeat_what_select_reports() -> None:
    queries, pool = random_pool()
    options: dict[str, Any] = {"lambda_": 0.2, "kernel": "relevance"}
    picks = select(queries[0], pool, 6, **options)
    for n in range(6):
        gains = gains_after(queries[0], pool, picks.indices[:n].tolist(), **options)
        assert gains[picks.indices[n]] == pytest.approx(picks.gains[n], abs=1e-5)


def test_gains_after_takes_one_query() -> None:
    queries, pool = random_pool()
    with pytest.raises(ValueError, match=r"one query, \[d\] or \[1, m, d\]; got 3"):
        gains_after(queries, pool, [])


@pytest.mark.parametrize("kernel", ["linear", "cosine"])
def test_gains_after_where_rounding_swallows_the_noise(kernel: str) -> None:
    """Copies observed almost without noise: the matrix has no Cholesky factor."""
    queries, pool = random_pool()
    copies = np.repeat(pool[:4] * np.float32(1e12), 3, axis=0)
    seen = [0, 1, 2, 3, 4, 5]
    gains = gains_after(
        queries[0], copies, seen, kernel=kernel, lambda_=1e-18, objective="undirected"
    )
    assert np.isfinite(gains).all()
    assert gains[:6].max() < gains[6:].min()
    left = posterior_variance(queries[0], copies[:6], kernel=kernel, lambda_=1e-18)
    assert 0 < left <= (1 if kernel == "cosine" else np.square(queries[0]).sum())
