"""`groups`: no two picks from one group, and each pick the best of what that leaves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from oracle import OracleProblem
from solvers import CPU_SOLVERS

from sift_retrievers import StopReason, select


def problem(seed: int) -> tuple[Any, Any, Any]:
    """Two queries, 24 candidates of which half are near-duplicates, 8 groups."""
    random = np.random.default_rng(seed)
    pool = random.normal(size=(24, 8)).astype(np.float32)
    pool[12:] = pool[:12] + random.normal(size=(12, 8)).astype(np.float32) * 0.01
    queries = random.normal(size=(2, 8)).astype(np.float32)
    return queries, pool, random.integers(0, 8, size=(2, 24))


@pytest.mark.parametrize("objective", ["variance", "entropy", "undirected"])
@pytest.mark.parametrize("solver", CPU_SOLVERS)
def test_each_pick_is_the_best_of_the_groups_left(solver: str, objective: str) -> None:
    for seed in range(20):
        queries, pool, groups = problem(seed)
        arguments: dict[str, Any] = {"objective": objective, "lambda_": 0.2, "solver": solver}
        chosen = select(queries, pool, 6, groups=groups, **arguments)
        for b in range(2):
            oracle = OracleProblem(queries[b, None], pool, 0.2, objective=objective)
            picks = chosen.indices[b].tolist()
            used = groups[b, [i for i in picks if i >= 0]]
            assert len(set(used)) == len(used)
            for n, pick in enumerate(picks[: len(used)]):
                score = oracle.scores(picks[:n])
                score[np.isin(groups[b], used[:n])] = -np.inf
                assert score[pick] >= score.max() - 1e-4


@pytest.mark.parametrize("solver", CPU_SOLVERS)
def test_all_groups_used_up(solver: str) -> None:
    queries, pool, _ = problem(0)
    groups = np.arange(24) % 3
    chosen = select(queries, pool, 10, groups=groups, solver=solver)
    assert (chosen.indices >= 0).sum(axis=1).tolist() == [3, 3]
    assert chosen.stop_reason == (StopReason.EXHAUSTED,) * 2
    paid = select(queries, pool, 10, groups=groups, costs=np.ones(24), budget=2.0, solver=solver)
    assert paid.stop_reason == (StopReason.BUDGET,) * 2


@pytest.mark.parametrize("solver", CPU_SOLVERS)
def test_groups_of_ragged_pools(solver: str) -> None:
    queries, pool, _ = problem(0)
    ids = np.array([[0, 1, 2, -1, -1], [4, 5, 6, 7, 8]])
    groups = np.array([[0, 0, 1, 2, 3], [0, 0, 1, 1, 1]])
    chosen = select(queries, pool, 5, ids=ids, groups=groups, solver=solver)
    assert (chosen.indices >= 0).sum(axis=1).tolist() == [2, 2]
    assert chosen.stop_reason == (StopReason.EXHAUSTED,) * 2
    alone = select(queries[:1], pool[:3], 5, groups=groups[0, :3], solver=solver)
    assert chosen.indices[0].tolist() == alone.indices[0].tolist()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"groups": [1, 2]}, r"whole numbers \[K=24\] or \[B=2, K=24\]; got \(2,\)"),
        ({"groups": np.ones(24)}, r"whole numbers .*got \(24,\) of float64"),
        ({"groups": np.arange(24), "replacement": True}, "do not go together with replacement"),
    ],
)
def test_groups_that_make_no_sense(arguments: dict[str, Any], message: str) -> None:
    queries, pool, _ = problem(0)
    with pytest.raises(ValueError, match=message):
        select(queries, pool, 3, **arguments)
