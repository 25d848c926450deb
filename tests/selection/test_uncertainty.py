"""What picks leave of the uncertainty about the query, whatever they were made for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from solvers import CPU_SOLVERS
from tensors import ARRAY_KINDS
from uncertainty import uncertainty_along

from sift_retrievers import Cosine, Exponential, RelevanceWeighted, SharedNoise, select

RANDOM = np.random.default_rng(0)
QUERY = RANDOM.normal(size=16)
POOL = QUERY + RANDOM.normal(size=(40, 16))
KERNELS = [
    Cosine(),
    Exponential(4.0, target_sharpness=2.0),
    RelevanceWeighted(3.0, Cosine(), standardized=False),
    RelevanceWeighted(0.5, Exponential(2.0), standardized=True),
]


@pytest.mark.parametrize("solver", CPU_SOLVERS)
@pytest.mark.parametrize("objective", ["variance", "undirected"])
@pytest.mark.parametrize("kernel", KERNELS, ids=str)
def test_what_is_left_along_the_picks(kernel: Any, objective: str, solver: str) -> None:
    """Of several targets, summed; of picks that were not made for the targets, too."""
    targets = np.stack([QUERY, -POOL[0]])[None]
    chosen = select(
        targets, POOL, 8, kernel=kernel, lambda_=0.3, objective=objective, solver=solver
    )
    picks = chosen.indices[0].tolist()
    expected = uncertainty_along(targets, POOL, picks, kernel=kernel, lambda_=0.3)
    np.testing.assert_allclose(chosen.variance[0], expected, rtol=1e-9)


def test_where_a_rule_ends_it_early_the_last_value_stays() -> None:
    whole = select(QUERY, POOL, 8, objective="undirected")
    rule = {"objective": "undirected", "min_gain": float(whole.gains[4])}
    chosen = select(QUERY, POOL, 8, **rule)
    made = int((chosen.indices >= 0).sum())
    assert 0 < made < 8
    np.testing.assert_array_equal(chosen.variance[: made + 1], whole.variance[: made + 1])
    assert (chosen.variance[made:] == chosen.variance[made]).all()


@pytest.mark.parametrize("solver", CPU_SOLVERS)
@pytest.mark.parametrize(
    "limits",
    [
        {"ids": [[3, -1, 7, 3 + 20, -1, 5]]},
        {"groups": np.arange(40) // 10},
        {"costs": np.ones(40), "budget": 3.0},
    ],
    ids=["ids", "groups", "budget"],
)
def test_where_nothing_more_can_be_picked_the_last_value_stays(limits: Any, solver: str) -> None:
    chosen = select(QUERY, POOL, 8, objective="undirected", solver=solver, **limits)
    left = chosen.variance
    picks = [i for i in chosen.indices.tolist() if i >= 0]
    assert len(picks) in (3, 4)
    expected = uncertainty_along(QUERY, POOL, picks, kernel="cosine", lambda_=1.0)
    np.testing.assert_allclose(left[: len(expected)], expected, rtol=1e-9)
    assert (left[len(picks) :] == left[len(picks)]).all()


@pytest.mark.parametrize("solver", CPU_SOLVERS)
@pytest.mark.parametrize("kernel", [*KERNELS, SharedNoise()], ids=str)
def test_it_begins_at_one_for_each_target(kernel: Any, solver: str) -> None:
    """Whatever rounding does to the length of a unit vector in float32."""
    queries = RANDOM.normal(size=(20, 2, 48)).astype(np.float32)
    nobody = np.empty((0, 48), dtype=np.float32)
    for pool in (queries[0], nobody):
        chosen = select(queries, pool, 2, kernel=kernel, solver=solver)
        assert (chosen.variance[:, 0] == 2).all()


@pytest.mark.parametrize("kind", ARRAY_KINDS)
def test_it_is_of_the_kind_of_the_candidates(kind: Any) -> None:
    pool = kind(POOL)
    left = select(QUERY, pool, 3, objective="undirected").variance
    assert type(left) is type(pool)
    assert left.dtype == pool.dtype  # float64
