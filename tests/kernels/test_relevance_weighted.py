"""The kernel weighted by relevance: its weights, and what it picks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from solvers import CPU_SOLVERS
from tensors import ARRAY_KINDS

from sift_retrievers import Cosine, RelevanceWeighted, select

RANDOM = np.random.default_rng(0)
QUERY = RANDOM.normal(size=16)
POOL = QUERY + RANDOM.normal(size=(40, 16))


@pytest.mark.parametrize("kind", ARRAY_KINDS)
def test_standardized_weights_do_not_change_with_the_scale_of_relevance(kind: Any) -> None:
    kernel = RelevanceWeighted(0.7, standardized=True)
    relevance = np.array([[0.9, 0.5, 0.4, 0.1]])
    weights = np.asarray(kernel.weights(kind(relevance)))
    z = (relevance - relevance.mean()) / relevance.std()
    np.testing.assert_allclose(weights, np.exp(0.7 * (z - z.max())), rtol=1e-12)
    for scaled in (
        100 * relevance - 7,
        1e20 * relevance,
        1e-20 * relevance,
        1e-3 * relevance + 1e6,
    ):
        found = np.asarray(kernel.weights(kind(scaled)))
        np.testing.assert_allclose(found, weights, rtol=1e-6)
    assert (kernel.weights(kind(np.full((1, 3), 0.4))) == 1).all()
    valid = kind(np.array([[True, True, True, False]]))
    shorter = np.asarray(kernel.weights(kind(relevance[:, :3])))
    found = np.asarray(kernel.weights(kind(relevance), valid))
    np.testing.assert_allclose(found[:, :3], shorter, rtol=1e-12)
    assert found[0, 3] == 0


@pytest.mark.parametrize("solver", CPU_SOLVERS)
def test_the_scale_of_relevance_changes_no_pick(solver: str) -> None:
    relevance = RANDOM.normal(size=40)
    plain = select(QUERY, POOL, 10, kernel="relevance", relevance=relevance, solver=solver)
    for scaled in (1e20 * relevance, 1e-8 * relevance, 1e-3 * relevance + 1e6):
        found = select(QUERY, POOL, 10, kernel="relevance", relevance=scaled, solver=solver)
        assert found.indices.tolist() == plain.indices.tolist()
        np.testing.assert_allclose(found.gains, plain.gains, rtol=1e-6)


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
    assert chosen.indices.tolist() == picks


def test_a_vector_without_length_says_nothing_weighted_by_relevance() -> None:
    pool = np.vstack([np.zeros(16), POOL[:5]])
    for objective in ("undirected", "variance"):
        for ids in (None, [list(range(6))]):
            chosen = select(QUERY, pool, 6, kernel="relevance", objective=objective, ids=ids)
            assert chosen.indices[-1] == 0
            assert chosen.gains[-1] == 0


def test_ids_of_all_candidates_change_nothing() -> None:
    for seed in range(20):
        random = np.random.default_rng(seed)
        query, pool = random.normal(size=32), random.normal(size=(100, 32)).astype(np.float32)
        plain = select(query.astype(np.float32), pool, 10, kernel="relevance")
        by_ids = select(
            query.astype(np.float32), pool, 10, kernel="relevance", ids=np.arange(100)[None]
        )
        np.testing.assert_array_equal(plain.indices, by_ids.indices)
        np.testing.assert_array_equal(plain.gains, by_ids.gains)


@pytest.mark.parametrize("kind", ARRAY_KINDS)
def test_rounding_is_no_spread(kind: Any) -> None:
    """Copies differ in the last bits of their relevance, at any size of it."""
    kernel = RelevanceWeighted(0.3)
    for size in (0.7, 23.7, 5e4):
        logit = np.full((1, 6), size, dtype=np.float32)
        logit[0, 2] = np.nextafter(logit[0, 2], np.float32(np.inf))
        assert logit[0, 2] > logit[0, 1]
        assert (kernel.weights(kind(logit)) > 0.99).all()
