"""Hits: vectors that come as lists; what a reader returns, checked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sift_retrievers.retrieval import Hits
from sift_retrievers.retrieval.hits import check_hits, no_hits, stacked


@pytest.mark.parametrize("kind", [list, tuple, np.array, lambda row: [*map(np.float32, row)]])
def test_rows_of_any_kind_are_what_numpy_makes_of_them(kind: Any) -> None:
    generator = np.random.default_rng(0)
    rows = generator.standard_normal((6, 5)) * 10.0 ** generator.integers(-44, 37, (6, 5))
    found = stacked([kind(row.tolist()) for row in rows], [None] * 6, 5)
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(found, rows.astype(np.float32))
    found[0] = 0  # whoever gets the array may write into it


def test_numbers_that_floats_are_not() -> None:
    assert stacked([[1, True], [2, 0.5]], [None] * 2, 2).tolist() == [[1, 1], [2, 0.5]]
    assert np.isinf(stacked([[1e300, 0.0]], [None], 2)[0, 0])
    assert np.isnan(stacked([[float("nan"), 0.0]], [None], 2)[0, 0])
    with pytest.raises(ValueError, match="vectors that are no numbers: could not convert"):
        stacked([["one", 2.0]], [None], 2)


def test_vectors_that_are_missing_are_named() -> None:
    rows = [[1.0, 2.0], None, np.array([3.0, 4.0]), []]
    with pytest.raises(ValueError, match=r"2 of 4 hits came without a vector: ids \['b', 'd'\]"):
        stacked(rows, ["a", "b", "c", "d"], 2)
    with pytest.raises(ValueError, match=r"1 of 2 hits .* not have the query's dimension 2: ids"):
        stacked([[1.0, 2.0], [1.0]], ["a", "b"], 2)
    with pytest.raises(ValueError, match=r"the hits at positions \[0, 1, 2, 3, 4\] and 2 more"):
        stacked([None] * 7, [None] * 7, 2)
    assert stacked([], [], 5).shape == (0, 5)


def hits(vectors: Any) -> Hits[str]:
    n = len(vectors)
    array = np.array(vectors, dtype=np.float32)
    return Hits(array, [chr(97 + i) for i in range(n)], ["text"] * n, [{}] * n, str)


GOOD = hits([[1, 0, 0], [0, 1, 0]])


def test_large_numbers_are_finite() -> None:
    large = hits(np.full((2, 3), 3e38))
    check_hits("Store", large, 3)
    large.vectors[1, 1] = np.nan
    with pytest.raises(ValueError, match=r"for 1 of 2 hits: ids \['b'\]"):
        check_hits("Store", large, 3)


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (hits([[1, 0]]), ValueError, r"shape \(2,\), but the query's embedding has dimension 3"),
        (hits([[1, np.inf, 0]]), ValueError, r"infinite values for 1 of 1 hits: ids \['a'\]"),
        (replace(GOOD, ids=["a"]), ValueError, "2 vectors and 1 ids"),
        (replace(GOOD, texts=["a"]), ValueError, "2 vectors and 1 texts"),
        (replace(GOOD, metadata=[]), ValueError, "2 vectors and 0 metadata"),
        (
            replace(GOOD, texts=["a", None]),
            TypeError,
            "strings as texts.*NoneType for hit 1",
        ),
        (replace(GOOD, vectors=[[1.0] * 3] * 2), TypeError, "in an array of floats; got list"),
        (replace(GOOD, vectors=np.ones((2, 3), "i4")), TypeError, "array of floats; got int32"),
        ([1, 2], TypeError, "must be Hits; got list"),
        (None, TypeError, "must be Hits; got NoneType"),
    ],
)
def test_hits_that_are_wrong(wrong: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"Store.*{message}"):
        check_hits("Store", wrong, 3)


def test_no_hits_are_right() -> None:
    check_hits("Store", no_hits(3), 3)
    check_hits("Store", GOOD, 3)
    with pytest.raises(IndexError):
        no_hits(3).document(0)
