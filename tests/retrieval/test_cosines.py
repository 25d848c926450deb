"""Cosines in float32: as exact as it allows, and equal where vectors are."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from sift_retrievers.retrieval.cosines import cosines


def exact(vectors: Any, targets: Any) -> npt.NDArray[np.float64]:
    """In float64, one by one."""
    found = np.zeros((len(targets), len(vectors)))
    for i, q in enumerate(np.asarray(targets, dtype=np.float64)):
        for j, x in enumerate(np.asarray(vectors, dtype=np.float64)):
            length = np.sqrt(x @ x) * np.sqrt(q @ q)
            found[i, j] = x @ q / length if length > 0 else 0.0
    return found


@pytest.mark.parametrize("dim", [1, 3, 384, 1024])
@pytest.mark.parametrize("size", [1e-30, 1e-9, 1.0, 1e9, 1e30])
def test_they_are_those_of_float64(dim: int, size: float) -> None:
    generator = np.random.default_rng(dim)
    vectors = generator.standard_normal((40, dim), np.float32) * np.float32(size)
    targets = generator.standard_normal((3, dim), np.float32)
    found = cosines(vectors, targets)
    np.testing.assert_allclose(found, exact(vectors, targets), atol=3e-7)
    assert found.dtype == np.float64
    np.testing.assert_allclose(cosines(targets, vectors), found.T, atol=3e-7)


def test_lengths_far_apart_and_rows_of_nothing() -> None:
    vectors = np.array([[3, 4], [0, 0], [3e-23, 4e-23], [3e30, -4e30], [1e-42, 0]], np.float32)
    targets = np.array([[1, 0], [0, 1e-25]], np.float32)
    found = cosines(vectors, targets)
    np.testing.assert_allclose(found, exact(vectors, targets), atol=1e-6)
    assert found[:, 1].tolist() == [0, 0]


@pytest.mark.parametrize("dim", [7, 384, 1000])
def test_equal_vectors_have_equal_cosines_wherever_they_stand(dim: int) -> None:
    generator = np.random.default_rng(dim)
    vectors = generator.standard_normal((50, dim), np.float32)
    order = generator.permutation(50)
    target = generator.standard_normal((1, dim), np.float32)
    found = cosines(np.concatenate([vectors, vectors[order], vectors[3:]]), target)[0]
    assert found[50:100].tolist() == found[:50][order].tolist()
    assert found[100:].tolist() == found[3:50].tolist()


def test_never_beyond_one() -> None:
    vectors = np.random.default_rng(0).standard_normal((200, 33), np.float32)
    for row in vectors:
        assert np.abs(cosines(np.stack([row, -row]), row[None])).max() <= 1


def test_cosines_of_several_targets_zero_rows_and_large_values() -> None:
    targets = np.array([[1, 0], [0, 2]], dtype=np.float32)
    vectors = np.array([[3, 4], [0, 0], [1e30, 0], [-1, -1], [1e-40, 0]], dtype=np.float32)
    half = -np.sqrt(0.5)
    expected = [[0.6, 0, 1, half, 1], [0.8, 0, 0, half, 0]]
    np.testing.assert_allclose(cosines(vectors, targets), expected, rtol=1e-6)
    assert cosines(vectors[:0], targets).shape == (2, 0)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_has_no_cosine_and_spoils_no_other(value: float) -> None:
    vectors = np.array([[3, 4], [value, 1], [0, 0]], np.float32)
    found = cosines(vectors, np.array([[1, 0], [0, 1]], np.float32))
    np.testing.assert_allclose(found, [[0.6, np.nan, 0], [0.8, np.nan, 0]], atol=1e-6)
