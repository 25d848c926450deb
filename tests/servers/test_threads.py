"""Threads that share two cores find what one thread finds, bit for bit, and all of them end."""

from __future__ import annotations

import numpy as np
import pytest
from server_work import RULES, pool, selection, together, told

from sift_retrievers import select

SECONDS = 15


@pytest.mark.usefixtures("road", "two_cores")
@pytest.mark.parametrize("threads", [1, 2, 8, 32])
def test_selections(threads: int) -> None:
    expected = [selection(number) for number in range(64)]
    assert together(threads, selection, 64, SECONDS) == expected


@pytest.mark.usefixtures("road", "two_cores")
@pytest.mark.parametrize("threads", [2, 8])
def test_batches_over_one_matrix(threads: int) -> None:
    matrix = pool(2000, 64)
    ids = np.stack([np.random.default_rng(n).permutation(2000)[:100] for n in range(16)])

    def task(number: int) -> tuple[bytes, ...]:
        some = ids[number % 8 : number % 8 + 8]
        return told(select(matrix[some[:, 0]], matrix, 10, ids=some, **RULES["default"]))

    expected = [task(number) for number in range(16)]
    assert together(threads, task, 16, SECONDS) == expected
