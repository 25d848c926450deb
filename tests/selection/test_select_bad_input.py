"""Bad input to `select`: the error says what came and what was expected."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tensors import needs_torch, tensor

from sift_retrievers import select

GOOD_QUERY = np.ones(4)
GOOD_POOL = np.eye(4)


@pytest.mark.parametrize("k", [0, -1, 1.5, "3", True, None])
def test_k_that_is_no_count(k: Any) -> None:
    with pytest.raises(ValueError, match=r"k must be a whole number of at least 1; got"):
        select(GOOD_QUERY, GOOD_POOL, k)


@pytest.mark.parametrize("noise", [0, -1.0, float("nan"), float("inf"), "much", None])
def test_noise_that_is_not_positive(noise: Any) -> None:
    with pytest.raises(ValueError, match=r"lambda_ must be .*positive.*got"):
        select(GOOD_QUERY, GOOD_POOL, 1, lambda_=noise)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["queries", "candidates"])
def test_values_that_are_not_finite(value: float, name: str) -> None:
    query, pool = GOOD_QUERY.copy(), GOOD_POOL.copy()
    if name == "queries":
        query[2] = value
    else:
        pool[1, 2] = value
    with pytest.raises(ValueError, match=f"{name} must be finite; 1 of .* NaN or infinite.*2"):
        select(query, pool, 1)


def test_opposite_infinities_do_not_cancel() -> None:
    pool = GOOD_POOL.copy()
    pool[0, 0], pool[1, 1] = np.inf, -np.inf
    with pytest.raises(ValueError, match="2 of 16"):
        select(GOOD_QUERY, pool, 1)


def test_large_values_are_finite() -> None:
    pool = np.full((3, 4), 3e38, dtype=np.float32)
    assert select(GOOD_QUERY, pool, 1).indices.tolist() == [0]


@pytest.mark.parametrize(
    ("queries", "candidates"),
    [
        (np.float64(1.0), GOOD_POOL),
        (np.ones((1, 1, 1, 4)), GOOD_POOL),
        (np.ones((0, 4)), GOOD_POOL),
        (GOOD_QUERY, np.ones(4)),
        (GOOD_QUERY, np.ones((1, 1, 4, 4))),
        (GOOD_QUERY, np.ones((3, 5))),
        (np.ones((2, 4)), np.ones((3, 4, 4))),
    ],
)
def test_shapes_that_do_not_fit(queries: Any, candidates: Any) -> None:
    with pytest.raises(ValueError, match=r"must .*got queries \(.*\) and candidates \("):
        select(queries, candidates, 1)


def test_rows_of_different_lengths() -> None:
    with pytest.raises(ValueError, match="candidates must be numbers in rows of one length"):
        select(GOOD_QUERY, [[1.0, 2.0, 3.0, 4.0], [1.0]], 1)


def test_things_that_are_no_numbers() -> None:
    with pytest.raises(ValueError, match="candidates must be numbers"):
        select(GOOD_QUERY, [["a", "b", "c", "d"]], 1)
    with pytest.raises(TypeError, match="real numbers; got dtype complex128"):
        select(GOOD_QUERY, GOOD_POOL.astype(complex), 1)


@needs_torch
def test_tensors_of_different_lengths() -> None:
    with pytest.raises(ValueError, match=r"rows of one length; got .*\(3,\), \(4,\)"):
        select(GOOD_QUERY, [tensor([1.0] * 4), tensor([1.0] * 3)], 1)


def test_nothing_at_all() -> None:
    with pytest.raises(TypeError, match="queries must be numbers; got None"):
        select(None, GOOD_POOL, 1)  # type: ignore[call-overload]


def test_a_zero_query() -> None:
    with pytest.raises(ValueError, match="query 1, target 0 is a zero vector"):
        select(np.array([[1.0, 0, 0, 0], [0, 0, 0, 0]]), GOOD_POOL, 1)


def test_kernels_that_do_not_exist() -> None:
    with pytest.raises(ValueError, match=r"kernel must be one of \['cosine'.*got 'euclid'"):
        select(GOOD_QUERY, GOOD_POOL, 1, kernel="euclid")
    with pytest.raises(TypeError, match="Kernel object; got int"):
        select(GOOD_QUERY, GOOD_POOL, 1, kernel=3)  # type: ignore[call-overload]
