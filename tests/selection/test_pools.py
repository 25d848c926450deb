"""Queries that pick from rows of one matrix, and bits that do not depend on threads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from solvers import COMPILED, CPU_SOLVERS

from sift_retrievers import posterior_variance, select


@pytest.mark.parametrize("solver", CPU_SOLVERS)
@pytest.mark.parametrize("options", [{}, {"kernel": "relevance"}, {"objective": "entropy"}])
def test_ids_are_gathered_copies(solver: str, options: dict[str, Any]) -> None:
    random = np.random.default_rng(0)
    matrix = random.normal(size=(50, 8)).astype(np.float32)
    queries = random.normal(size=(3, 8)).astype(np.float32)
    ids = np.stack([random.permutation(50)[:12] for _ in range(3)])
    gathered = select(queries, matrix[ids], 5, solver=solver, **options)
    by_ids = select(queries, matrix, 5, ids=ids, solver=solver, **options)
    np.testing.assert_array_equal(np.take_along_axis(ids, gathered.indices, 1), by_ids.indices)
    np.testing.assert_allclose(gathered.gains, by_ids.gains, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("solver", CPU_SOLVERS)
def test_ragged_pools(solver: str) -> None:
    random = np.random.default_rng(0)
    matrix, queries = random.normal(size=(50, 8)), random.normal(size=(3, 8))
    ids = np.stack([random.permutation(50)[:6] for _ in range(3)])
    ids[1, [0, 3]] = -1
    ids[2, :] = -1
    chosen = select(queries, matrix, 6, ids=ids, solver=solver)
    alone = select(queries[1], matrix[ids[1][ids[1] >= 0]], 6, solver=solver)
    assert chosen.indices[1, :4].tolist() == ids[1][ids[1] >= 0][alone.indices[:4]].tolist()
    assert chosen.indices[1, 4:].tolist() == [-1, -1]
    assert (chosen.indices[2] == -1).all()
    assert [str(reason) for reason in chosen.stop_reason] == ["k", "exhausted", "exhausted"]


@pytest.mark.parametrize("solver", CPU_SOLVERS)
@pytest.mark.parametrize("kernel", ["cosine", "linear", "relevance"])
def test_only_rows_that_are_pointed_to_must_be_finite(solver: str, kernel: str) -> None:
    matrix = np.ones((50, 8))
    matrix[7] = np.nan
    ids = np.array([[0, 1, 2]])
    chosen = select(np.ones(8), matrix, 1, ids=ids, solver=solver, kernel=kernel)
    assert chosen.indices[0] == 0
    with pytest.raises(ValueError, match=r"candidates .*rows in ids.* must be finite"):
        select(np.ones(8), matrix, 1, ids=[[0, 7]], solver=solver)


@pytest.mark.parametrize(
    "ids", [[[0, 50]], [[0, -2]], [[0.5, 1.0]], [[[0, 1]]], [[0], [1]], [[True, False]]]
)
def test_ids_that_are_no_rows(ids: Any) -> None:
    with pytest.raises(ValueError, match="ids must be"):
        select(np.ones(8), np.ones((50, 8)), 1, ids=ids)


@pytest.mark.parametrize("solver", [COMPILED, "numpy"])
@pytest.mark.parametrize(("count", "dim"), [(200, 384), (1200, 1024), (301, 3072)])
def test_the_same_bits_whatever_the_thread_count(solver: str, count: int, dim: int) -> None:
    control = pytest.importorskip("threadpoolctl")
    random = np.random.default_rng(0)
    pool = random.normal(size=(count, dim)).astype(np.float32)
    queries = pool[:3] + random.normal(size=(3, dim)).astype(np.float32)
    results = []
    for threads in (1, 2, 3, 5):
        with control.threadpool_limits(threads):
            chosen = select(queries, pool, 40, lambda_=0.05, solver=solver)
        results.append([chosen.indices.tobytes(), chosen.variance.tobytes()])
    assert all(result == results[0] for result in results)


def test_posterior_variance_is_the_trace_that_select_reports() -> None:
    random = np.random.default_rng(0)
    queries, pool = random.normal(size=(3, 2, 8)), random.normal(size=(3, 20, 8))
    chosen = select(queries, pool, 6, lambda_=0.3)
    picked = np.stack([pool[b, chosen.indices[b]] for b in range(3)])
    found = posterior_variance(queries, picked, lambda_=0.3)
    np.testing.assert_allclose(found, chosen.variance[:, -1], rtol=1e-10)
    nothing = posterior_variance(queries, np.empty((3, 0, 8)), lambda_=0.3)
    np.testing.assert_allclose(nothing, [2.0, 2.0, 2.0])
