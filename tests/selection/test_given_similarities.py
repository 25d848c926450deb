"""`select` with the similarities of the candidates in place of a kernel."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from oracle import exponential, unit
from tensors import ARRAY_KINDS

from sift_retrievers import RelevanceWeighted, StopReason, select

RANDOM = np.random.default_rng(0)
POOL = RANDOM.normal(size=(40, 12))
QUERY = POOL[:3].mean(axis=0)
SIMILAR = exponential(2.5).passages(POOL, POOL)


def test_the_kernels_own_similarities_give_its_picks() -> None:
    given = select(QUERY, POOL, 12, kernel=SIMILAR, lambda_=0.2)
    made = select(QUERY, POOL, 12, kernel="relevance", lambda_=0.2, objective="undirected")
    assert given.indices.tolist() == made.indices.tolist()
    np.testing.assert_allclose(given.gains, made.gains, rtol=1e-9)
    v = 0.2 * np.expm1(2 * made.gains)
    np.testing.assert_allclose(given.variance, [1, *np.cumprod(1 - v)], rtol=1e-9)


@pytest.mark.parametrize("relevance", [None, RANDOM.normal(size=40)])
@pytest.mark.parametrize(
    "limits",
    [
        {},
        {"replacement": True},
        {"groups": np.arange(40) % 5},
        {"costs": np.arange(1.0, 41.0), "budget": 60.0},
    ],
    ids=["none", "replacement", "groups", "budget"],
)
def test_each_pick_is_the_best_by_brute_force(limits: dict[str, Any], relevance: Any) -> None:
    noise = 0.1
    chosen = select(QUERY, POOL, 8, kernel=SIMILAR, lambda_=noise, relevance=relevance, **limits)
    rho = unit(POOL) @ unit(QUERY[None])[0] if relevance is None else relevance
    r = np.exp(RelevanceWeighted().gamma * (rho - rho.max()) / rho.std())
    gram = SIMILAR * np.outer(r, r)
    picks = [i for i in chosen.indices.tolist() if i >= 0]
    spent = 0.0
    for n, pick in enumerate(picks):
        s = picks[:n]
        inverse = np.linalg.inv(gram[np.ix_(s, s)] + noise * np.eye(n))
        v = gram.diagonal() - np.einsum("sj,st,tj->j", gram[s], inverse, gram[s])
        allowed = np.ones(40, dtype=bool)
        if "replacement" not in limits:
            allowed[s] = False
        if "groups" in limits:
            allowed &= ~np.isin(limits["groups"], limits["groups"][s])
        if "costs" in limits:
            allowed &= limits["costs"] <= limits["budget"] - spent
            spent += limits["costs"][pick]
        assert allowed[pick]
        assert v[pick] >= v[allowed].max() - 1e-12
        assert chosen.gains[n] == pytest.approx(0.5 * np.log1p(v[pick] / noise))


@pytest.mark.parametrize("kind", ARRAY_KINDS)
def test_a_minimal_gain_ends_it(kind: Any) -> None:
    whole = select(QUERY, POOL, 8, kernel=SIMILAR, lambda_=0.2)
    least = float(whole.gains[3]) + 1e-9
    cut = select(kind(QUERY), kind(POOL), 8, kernel=kind(SIMILAR), lambda_=0.2, min_gain=least)
    assert type(cut.indices) is type(kind(POOL))
    assert cut.indices.tolist() == [*whole.indices[:3].tolist(), -1, -1, -1, -1, -1]
    assert cut.stop_reason is StopReason.MIN_GAIN


@pytest.mark.parametrize(
    ("kernel", "options", "message"),
    [
        (np.eye(3), {}, r"are \[K, K\], for one query.*got \(3, 3\) for 1 queries and 40"),
        (np.full((40, 40), np.nan), {}, "kernel must be finite; 1600 of 1600"),
        (np.triu(SIMILAR), {}, "must be symmetric and from −1 to 1.*unlike their mirror image"),
        (7 * SIMILAR, {}, "must be symmetric and from −1 to 1.*to 7"),
        (SIMILAR, {"alpha": 0.3}, r"without alpha, .*got \['alpha'\]"),
        (SIMILAR, {"objective": "entropy"}, "the objective \"undirected\".*got 'entropy'"),
        (SIMILAR, {"ids": [[1, 2]]}, r"got \['ids'\]"),
    ],
)
def test_what_are_no_similarities(kernel: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        select(QUERY, POOL, 5, kernel=kernel, **options)
    with pytest.raises(ValueError, match="for one query"):
        select(POOL[:2], POOL, 5, kernel=SIMILAR)
