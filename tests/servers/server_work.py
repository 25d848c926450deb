"""Selections as a server makes them, told in values that can be compared; and many threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from sift_retrievers import Selection, select

Vectors = npt.NDArray[np.float32]
T = TypeVar("T")

RULES: dict[str, dict[str, Any]] = {
    "default": {"kernel": "relevance", "objective": "undirected", "lambda_": 0.2},
    "cosine": {},
    "linear": {"kernel": "linear", "lambda_": 0.1},
    "exponential": {"kernel": "exponential"},
}


def pool(count: int = 200, dim: int = 384, seed: int = 0) -> Vectors:
    """Candidates `[count, dim]`, count even; the second half nearly repeats the first."""
    random = np.random.default_rng(seed)
    some = random.normal(size=(count, dim))
    some[count // 2 :] = some[: count - count // 2] + 0.2 * random.normal(
        size=some[count // 2 :].shape
    )
    return some.astype(np.float32)


def told(selection: Selection[Any]) -> tuple[bytes, ...]:
    """Every bit of a selection."""
    arrays = (selection.indices, selection.gains, selection.variance)
    return tuple(b"" if one is None else np.ascontiguousarray(one).tobytes() for one in arrays)


def selection(number: int) -> tuple[bytes, ...]:
    """One of several, of different rules and sizes."""
    names = [*RULES]
    size = ((200, 384), (1000, 64), (40, 8))[number % 3]
    candidates = pool(*size, seed=number)
    return told(select(candidates[number % 8], candidates, 10, **RULES[names[number % len(names)]]))


def selections() -> list[tuple[bytes, ...]]:
    return [selection(number) for number in range(12)]


def together(threads: int, task: Callable[[int], T], count: int, seconds: float) -> list[T]:
    """Results of `task(0)` … `task(count − 1)`, computed by so many threads that start at once.

    Raises:
        TimeoutError: if they have not ended after so many seconds.
    """
    results: dict[int, T] = {}
    errors: list[BaseException] = []
    start = threading.Barrier(threads)

    def work(first: int) -> None:
        try:
            start.wait(seconds)
            for number in range(first, count, threads):
                results[number] = task(number)
        except BaseException as error:
            errors.append(error)

    workers = [threading.Thread(target=work, args=(n,), daemon=True) for n in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(seconds)
    if errors:
        raise errors[0]
    if len(results) < count:
        raise TimeoutError(f"{count - len(results)} of {count} did not end within {seconds} s")
    return [results[number] for number in range(count)]
