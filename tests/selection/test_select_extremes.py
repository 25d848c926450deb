"""What `select` does with inputs at the edge of sense, on every solver."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest
from solvers import CPU_SOLVERS

from sift_retrievers import (
    Cosine,
    Exponential,
    Kernel,
    RelevanceWeighted,
    SharedNoise,
    StopReason,
    gains_after,
    select,
)

RANDOM = np.random.default_rng(0)
POOL = RANDOM.normal(size=(20, 8)).astype(np.float32)
QUERY = RANDOM.normal(size=8).astype(np.float32)


@pytest.mark.filterwarnings("error")
def test_similarities_that_are_no_covariances_end_when_all_are_picked() -> None:
    for seed in range(10):
        random = np.random.default_rng(seed)
        alike = (random.random((60, 60)) < 0.3).astype(float)
        alike = np.maximum(alike, alike.T)
        np.fill_diagonal(alike, 1)
        pool = random.normal(size=(60, 8))
        chosen = select(QUERY, pool, 60, kernel=alike, lambda_=0.1)
        assert sorted(chosen.indices.tolist()) == list(range(60))
        assert chosen.stop_reason is StopReason.K
        assert np.isfinite(chosen.gains).all()
        assert (np.diff(chosen.variance) <= 0).all()


class OfOnesOwn(Kernel):
    def __call__(self, x: Any, y: Any) -> Any:
        return x @ y.mT


@pytest.mark.parametrize("weighted", [False, True])
def test_a_kernel_of_ones_own_is_not_kept_alive(weighted: bool) -> None:
    kernel: Any = OfOnesOwn()
    gone = weakref.ref(kernel)
    select(QUERY, POOL, 3, kernel=RelevanceWeighted(0.3, kernel) if weighted else kernel)
    del kernel
    gc.collect()
    assert gone() is None


def test_gains_after_takes_what_select_gives() -> None:
    chosen = select(QUERY, POOL[:5], 7)
    padded = gains_after(QUERY, POOL[:5], chosen.indices)
    np.testing.assert_array_equal(padded, gains_after(QUERY, POOL[:5], chosen.indices[:5]))
    np.testing.assert_array_equal(gains_after(QUERY, POOL, [3, -1]), gains_after(QUERY, POOL, [3]))
    for wrong in ([20], [-2], ["a"], [0.0], [[0]], None, 0, [True, False]):
        with pytest.raises(ValueError, match="observed must be positions among the 20 candidates"):
            gains_after(QUERY, POOL, wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("budget", [3, np.int64(3), np.float32(3), np.asarray(3), [3.0]])
def test_a_budget_of_any_kind_of_number(budget: Any) -> None:
    chosen = select(QUERY, POOL, 5, costs=np.ones(20), budget=budget)
    assert (chosen.indices >= 0).sum() == 3


@pytest.mark.parametrize("solver", CPU_SOLVERS)
def test_ten_tenths_are_paid_by_one_and_infinity_by_nothing(solver: str) -> None:
    tenths = select(QUERY, POOL, 20, costs=[0.1] * 20, budget=1.0, solver=solver)
    assert (tenths.indices >= 0).sum() == 10
    endless = select(QUERY, POOL, 20, costs=[0.1] * 20, budget=np.inf, solver=solver)
    assert (endless.indices >= 0).sum() == 20
    with pytest.raises(ValueError, match="budget must be"):
        select(QUERY, POOL, 3, costs=np.ones(20), budget=np.nan, solver=solver)


@pytest.mark.parametrize("solver", CPU_SOLVERS)
def test_ids_of_one_query_and_of_nothing(solver: str) -> None:
    flat = select(QUERY, POOL, 3, ids=[1, 2, 3, 4], solver=solver)
    deep = select(QUERY, POOL, 3, ids=[[1, 2, 3, 4]], solver=solver)
    assert flat.indices.tolist() == deep.indices.tolist()
    nothing = select(QUERY, POOL, 3, ids=np.zeros((1, 0), dtype=np.int64), solver=solver)
    assert nothing.indices.tolist() == [-1, -1, -1]
    assert nothing.stop_reason is StopReason.EXHAUSTED


def test_arrays_that_lie_anywhere_in_memory() -> None:
    raw = np.frombuffer(b"x" + POOL.tobytes(), np.float32, offset=1).reshape(POOL.shape)
    assert not raw.flags.aligned
    for options in ({}, {"replacement": True}, {"kernel": "relevance"}):
        expected = select(QUERY, POOL, 5, **options)  # type: ignore[call-overload]
        found = select(QUERY, raw, 5, **options)  # type: ignore[call-overload]
        np.testing.assert_array_equal(found.indices, expected.indices)
        np.testing.assert_array_equal(found.gains, expected.gains)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("solver", CPU_SOLVERS)
@pytest.mark.parametrize(
    "options",
    [
        {"kernel": "relevance", "relevance": np.linspace(0, 1e-310, 20)},
        {"kernel": RelevanceWeighted(1e308, Cosine())},
        {"kernel": "relevance", "ids": [[-1, -1, -1], [0, 1, 2]]},
    ],
    ids=["denormal", "endless gamma", "nobody to weigh"],
)
def test_weights_out_of_all_range(options: dict[str, Any], solver: str) -> None:
    queries = QUERY if "ids" not in options else np.stack([QUERY, QUERY])
    chosen = select(queries, POOL, 3, objective="undirected", solver=solver, **options)
    for indices in np.atleast_2d(chosen.indices):
        picks = indices[indices >= 0].tolist()
        assert len(set(picks)) == len(picks)
    assert np.isfinite(chosen.gains).all()
    assert chosen.gains.max() == pytest.approx(0.5 * np.log(2), rel=1e-5)  # the best weighs 1


def test_selections_are_compared_by_identity() -> None:
    chosen = select(QUERY, POOL, 3)
    assert chosen == chosen
    assert chosen != select(QUERY, POOL, 3)
    assert len({chosen, select(QUERY, POOL, 3)}) == 2


@pytest.mark.parametrize("value", ["a", None, np.array([8.0]), 1j, [8.0]])
def test_parameters_of_kernels_that_are_no_numbers(value: Any) -> None:
    for make in (Exponential, SharedNoise, RelevanceWeighted):
        with pytest.raises(ValueError, match=r"must be .*finite.*; got"):
            make(value)
    with pytest.raises(TypeError, match=r"base must be a Kernel.*; got 'cosine'"):
        RelevanceWeighted(0.3, "cosine")  # type: ignore[arg-type]


@pytest.mark.parametrize("value", ["yes", 2, None, np.array([1, 0])])
def test_flags_that_are_none(value: Any) -> None:
    with pytest.raises(ValueError, match="replacement must be True or False; got"):
        select(QUERY, POOL, 3, replacement=value)
