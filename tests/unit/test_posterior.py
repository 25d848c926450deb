"""What picks leave of the uncertainty, whatever they were made for; weights by spread."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from backends import CPU_BACKENDS
from uncertainty import uncertainty_along

from sift_retrievers import Cosine, Exponential, RelevanceWeighted, select
from sift_retrievers.selection import select_and_observe

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
    chosen, left = select_and_observe(
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
    whole, along = select_and_observe(QUERY, POOL, 8, objective="undirected")
    rule = {"objective": "undirected", "min_gain": float(whole.gains[0, 4])}
    chosen, left = select_and_observe(QUERY, POOL, 8, **rule)
    made = int((chosen.indices[0] >= 0).sum())
    assert 0 < made < 8
    np.testing.assert_array_equal(left[0, : made + 1], along[0, : made + 1])
    assert (left[0, made:] == left[0, made]).all()


def test_standardized_weights_do_not_change_with_the_scale_of_relevance() -> None:
    kernel = RelevanceWeighted(0.7, standardized=True)
    relevance = torch.tensor([[0.9, 0.5, 0.4, 0.1]])
    weights = kernel.weights(relevance)
    torch.testing.assert_close(kernel.weights(100 * relevance - 7), weights)
    z = (relevance - relevance.mean()) / relevance.std(correction=0)
    torch.testing.assert_close(weights, torch.exp(0.7 * (z - z.max())))
    torch.testing.assert_close(kernel.weights(torch.full((1, 3), 0.4)), torch.ones(1, 3))
    valid = torch.tensor([[True, True, True, False]])
    shorter = kernel.weights(relevance[:, :3])
    torch.testing.assert_close(kernel.weights(relevance, valid)[:, :3], shorter)
    assert kernel.weights(relevance, valid)[0, 3] == 0


def test_with_little_noise_they_pick_as_a_dpp_does() -> None:
    """Greedy maximisation of the determinant of r(x) cos(x, y) r(y), by brute force."""
    unit = POOL / np.linalg.norm(POOL, axis=1, keepdims=True)
    cosines = unit @ QUERY / np.linalg.norm(QUERY)
    r = np.exp(0.5 * (cosines - cosines.mean()) / cosines.std())
    kernel = unit @ unit.T * np.outer(r, r)
    picks: list[int] = []
    for _ in range(6):
        rest = [i for i in range(len(POOL)) if i not in picks]
        value = [np.linalg.slogdet(kernel[np.ix_([*picks, i], [*picks, i])])[1] for i in rest]
        picks.append(rest[int(np.argmax(value))])
    weighted = RelevanceWeighted(0.5, Cosine(), standardized=True)
    chosen = select(QUERY, POOL, 6, kernel=weighted, lambda_=1e-6, objective="undirected")
    assert chosen.indices[0].tolist() == picks


def test_a_vector_without_length_says_nothing_weighted_by_relevance() -> None:
    pool = np.vstack([np.zeros(16), POOL[:5]])
    for objective in ("undirected", "variance"):
        for ids in (None, [list(range(6))]):
            chosen = select(QUERY, pool, 6, kernel="relevance", objective=objective, ids=ids)
            assert chosen.indices[0, -1] == 0
            assert chosen.gains[0, -1] == 0
