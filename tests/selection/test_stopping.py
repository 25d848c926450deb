"""When a selection ends early, by which rule, and what it leaves."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from solvers import CPU_SOLVERS

from sift_retrievers import Selection, StopReason, select


def problem(seed: int = 0, count: int = 30) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    random = np.random.default_rng(seed)
    return random.normal(size=(4, 8)), random.normal(size=(4, count, 8))


def lengths(chosen: Selection[Any]) -> list[int]:
    made = (chosen.indices >= 0).sum(axis=1).tolist()
    for b, n in enumerate(made):
        assert (chosen.indices[b, n:] == -1).all()
        assert (chosen.gains[b, n:] == 0).all()
        assert (chosen.variance[b, n:] == chosen.variance[b, n]).all()
    return [int(n) for n in made]


@pytest.mark.parametrize("alpha", [0.2, 0.4, 0.6, 1.0])
def test_alpha_keeps_the_prefix_before_the_first_n(alpha: float) -> None:
    queries, pool = problem()
    whole = select(queries, pool, 12, lambda_=0.1)
    cut = select(queries, pool, 12, lambda_=0.1, alpha=alpha)
    for b, length in enumerate(lengths(cut)):
        sigma = np.sqrt(whole.variance[b])
        fails = [n for n in range(1, 13) if sigma[n] > 1 / (alpha * n)]
        expected = max(fails[0] - 1, 1) if fails else 12
        assert length == expected
        np.testing.assert_array_equal(cut.indices[b, :length], whole.indices[b, :length])
        np.testing.assert_array_equal(
            cut.variance[b, : length + 1], whole.variance[b, : length + 1]
        )
        assert cut.stop_reason[b] is (StopReason.ALPHA if length < 12 else StopReason.K)


def test_min_gain_stops_before_the_first_pick_below_it() -> None:
    queries, pool = problem()
    whole = select(queries, pool, 12, lambda_=0.1)
    threshold = float(np.median(whole.gains))
    cut = select(queries, pool, 12, lambda_=0.1, min_gain=threshold)
    for b, length in enumerate(lengths(cut)):
        below = np.flatnonzero(whole.gains[b] < threshold)
        assert length == (below[0] if len(below) else 12)
    assert StopReason.MIN_GAIN in cut.stop_reason


def test_min_gain_may_leave_nothing() -> None:
    queries, pool = problem()
    assert lengths(select(queries, pool, 12, min_gain=100.0)) == [0, 0, 0, 0]


def test_the_shorter_of_two_rules_wins() -> None:
    queries, pool = problem()
    arguments: dict[str, Any] = {"lambda_": 0.1}
    alpha = lengths(select(queries, pool, 12, alpha=0.5, **arguments))
    gain = lengths(select(queries, pool, 12, min_gain=0.05, **arguments))
    both = select(queries, pool, 12, alpha=0.5, min_gain=0.05, **arguments)
    assert lengths(both) == [min(pair) for pair in zip(alpha, gain, strict=True)]


@pytest.mark.parametrize("solver", CPU_SOLVERS)
def test_the_budget_is_kept_and_used(solver: str) -> None:
    queries, pool = problem()
    costs = np.random.default_rng(1).integers(1, 50, size=(4, 30)).astype(float)
    chosen = select(queries, pool, 30, costs=costs, budget=60.0, solver=solver)
    for b, length in enumerate(lengths(chosen)):
        picks = chosen.indices[b, :length]
        spent = costs[b, picks].sum()
        assert spent <= 60
        rest = np.delete(costs[b], picks)
        assert rest.min() > 60 - spent  # nothing that could still be paid for was left
    assert chosen.stop_reason == (StopReason.BUDGET,) * 4


@pytest.mark.parametrize("solver", CPU_SOLVERS)
def test_each_pick_is_the_best_that_can_be_paid(solver: str) -> None:
    query, pool = np.array([1.0, 0.0]), np.array([[1.0, 0.1], [1.0, 0.3], [0.2, 1.0]])
    costs = [100.0, 5.0, 5.0]
    within = select(query, pool, 3, costs=costs, budget=10.0, solver=solver)
    assert within.indices.tolist() == [1, 2, -1]
    enough = select(query, pool, 1, costs=costs, budget=100.0, solver=solver)
    assert enough.indices.tolist() == [0]


@pytest.mark.parametrize("solver", CPU_SOLVERS)
def test_a_budget_a_query_and_one_that_pays_for_nothing(solver: str) -> None:
    queries, pool = problem()
    budget = [0.0, 1.0, 2.0, 1000.0]
    chosen = select(queries, pool, 5, costs=np.ones(30), budget=budget, solver=solver)
    assert lengths(chosen) == [0, 1, 2, 5]
    assert chosen.stop_reason == (*(StopReason.BUDGET,) * 3, StopReason.K)


def test_a_pool_used_up_within_the_budget_is_exhausted() -> None:
    queries, pool = problem(count=3)
    chosen = select(queries, pool, 5, costs=np.ones(3), budget=1000.0)
    assert chosen.stop_reason == (StopReason.EXHAUSTED,) * 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"alpha": 0}, "alpha must be positive and finite; got 0"),
        ({"alpha": math.nan}, "alpha must be positive and finite; got nan"),
        ({"min_gain": -1.0}, r"min_gain must be positive and finite; got -1\.0"),
        ({"budget": 3.0}, "needs costs, what each candidate costs; got None"),
        ({"costs": [1.0]}, r"costs must be \[K=30\] or \[B=4, K=30\]; got \(1,\)"),
        ({"costs": -np.ones(30), "budget": 1.0}, r"costs must be at least 0.*-1\.0"),
        ({"costs": np.ones(30), "budget": -1.0}, r"budget must be .* at least 0; got -1\.0"),
        ({"costs": np.ones(30), "budget": [1.0, 2.0]}, r"budget must be .*\[B=4\].*got \[1"),
        ({"objective": "best"}, r"objective must be one of \['variance'.*got 'best'"),
        ({"solver": "fast"}, r"solver must be one of \['compiled'.*got 'fast'"),
    ],
)
def test_options_that_make_no_sense(arguments: dict[str, Any], message: str) -> None:
    queries, pool = problem()
    with pytest.raises(ValueError, match=message):
        select(queries, pool, 3, **arguments)
