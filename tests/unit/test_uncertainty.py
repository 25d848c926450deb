"""What picks leave of the uncertainty about the query, whatever they were made for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from backends import CPU_BACKENDS
from uncertainty import uncertainty_along

from sift_retrievers import Cosine, Exponential, RelevanceWeighted, SharedNoise
from sift_retrievers.selection import select_with_uncertainty

RANDOM = np.random.default_rng(0)
QUERY = RANDOM.normal(size=16)
POOL = QUERY + RANDOM.normal(size=(40, 16))
KERNELS = [
    Cosine(),
    Exponential(4.0, target_sharpness=2.0),
    RelevanceWeighted(3.0, Cosine(), standardized=False),
    RelevanceWeighted(0.5, Exponential(2.0), standardized=True),
]


@pytest.mark.parametrize("backend", CPU_BACKENDS)
@pytest.mark.parametrize("objective", ["variance", "undirected"])
@pytest.mark.parametrize("kernel", KERNELS, ids=str)
def test_what_is_left_along_the_picks(kernel: Any, objective: str, backend: str) -> None:
    """Of several targets, summed; of picks that were not made for the targets, too."""
    targets = np.stack([QUERY, -POOL[0]])[None]
    chosen, left = select_with_uncertainty(
        targets, POOL, 8, kernel=kernel, lambda_=0.3, objective=objective, backend=backend
    )
    picks = chosen.indices[0].tolist()
    expected = uncertainty_along(targets, POOL, picks, kernel=kernel, lambda_=0.3)
    np.testing.assert_allclose(left[0], expected, rtol=1e-9)
    if objective == "undirected":
        assert chosen.variance is None
    else:
        np.testing.assert_array_equal(chosen.variance, left)


def test_where_a_rule_ends_it_early_the_last_value_stays() -> None:
    whole, along = select_with_uncertainty(QUERY, POOL, 8, objective="undirected")
    rule = {"objective": "undirected", "min_gain": float(whole.gains[0, 4])}
    chosen, left = select_with_uncertainty(QUERY, POOL, 8, **rule)
    made = int((chosen.indices[0] >= 0).sum())
    assert 0 < made < 8
    np.testing.assert_array_equal(left[0, : made + 1], along[0, : made + 1])
    assert (left[0, made:] == left[0, made]).all()


@pytest.mark.parametrize("backend", CPU_BACKENDS)
@pytest.mark.parametrize(
    "limits",
    [
        {"ids": [[3, -1, 7, 3 + 20, -1, 5]]},
        {"groups": np.arange(40) // 10},
        {"costs": np.ones(40), "budget": 3.0},
    ],
    ids=["ids", "groups", "budget"],
)
def test_where_nothing_more_can_be_picked_the_last_value_stays(limits: Any, backend: str) -> None:
    chosen, left = select_with_uncertainty(
        QUERY, POOL, 8, objective="undirected", backend=backend, **limits
    )
    picks = [i for i in chosen.indices[0].tolist() if i >= 0]
    assert len(picks) in (3, 4)
    expected = uncertainty_along(QUERY, POOL, picks, kernel="cosine", lambda_=1.0)
    np.testing.assert_allclose(left[0, : len(expected)], expected, rtol=1e-9)
    assert (left[0, len(picks) :] == left[0, len(picks)]).all()


@pytest.mark.parametrize("backend", CPU_BACKENDS)
@pytest.mark.parametrize("kernel", [*KERNELS, SharedNoise()], ids=str)
def test_it_begins_at_one_for_each_target(kernel: Any, backend: str) -> None:
    """Whatever rounding does to the length of a unit vector in float32."""
    queries = RANDOM.normal(size=(20, 2, 48)).astype(np.float32)
    nobody = np.empty((0, 48), dtype=np.float32)
    for pool in (queries[0], nobody):
        _, left = select_with_uncertainty(queries, pool, 2, kernel=kernel, backend=backend)
        assert (left[:, 0] == 2).all()


def test_it_is_of_the_kind_of_the_candidates() -> None:
    _, left = select_with_uncertainty(QUERY, torch.from_numpy(POOL), 3, objective="undirected")
    assert isinstance(left, torch.Tensor)
    assert left.dtype == torch.float64
