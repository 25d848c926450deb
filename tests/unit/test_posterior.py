"""`variance_along`: what picks leave of the uncertainty, whoever made them; weights by spread."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from uncertainty import uncertainty_along

from sift_retrievers import Cosine, Exponential, RelevanceWeighted, posterior_variance, select
from sift_retrievers.posterior import variance_along

RANDOM = np.random.default_rng(0)
QUERY = RANDOM.normal(size=16)
TARGET = torch.from_numpy(QUERY)[None]
POOL = QUERY + RANDOM.normal(size=(40, 16))
COSINES = POOL @ QUERY / np.linalg.norm(POOL, axis=1) / np.linalg.norm(QUERY)
KERNELS = [
    Cosine(),
    Exponential(4.0, target_sharpness=2.0),
    RelevanceWeighted(3.0, Cosine(), standardized=False),
    RelevanceWeighted(0.5, Exponential(2.0), standardized=True),
]


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
def test_it_is_the_variance_that_select_reports(kernel: Any) -> None:
    chosen = select(QUERY, POOL, 8, kernel=kernel, lambda_=0.3)
    assert chosen.variance is not None
    picks, weights = chosen.indices[0].tolist(), None
    expected = uncertainty_along(QUERY, POOL, picks, kernel=kernel, lambda_=0.3)
    np.testing.assert_allclose(chosen.variance[0], expected, rtol=1e-9)
    if isinstance(kernel, RelevanceWeighted):
        weights = kernel.weights(torch.from_numpy(COSINES)[None])[0][picks]
        kernel = kernel.base
    found = variance_along(kernel, TARGET, torch.from_numpy(POOL[picks]), 0.3, weights)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_any_passages_in_any_order() -> None:
    picks = [5, 3, 3, 30]
    found = variance_along(Cosine(), TARGET, torch.from_numpy(POOL[picks]), 0.2)
    for n in range(5):
        expected = posterior_variance(QUERY, POOL[picks[:n]], lambda_=0.2)[0] if n else 1.0
        assert found[n] == pytest.approx(expected)
    nothing = variance_along(Cosine(), TARGET, torch.from_numpy(POOL[:0]), 0.2)
    assert nothing.tolist() == [pytest.approx(1.0)]


def test_several_targets_are_summed() -> None:
    targets = np.stack([QUERY, -POOL[0]])
    chosen = select(targets[None], POOL, 5)
    assert chosen.variance is not None
    passages = torch.from_numpy(POOL[chosen.indices[0]])
    found = variance_along(Cosine(), torch.from_numpy(targets), passages, 1.0)
    np.testing.assert_allclose(found, chosen.variance[0], rtol=1e-9)


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
