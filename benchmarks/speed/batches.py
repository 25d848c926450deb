"""Many queries in one call, and a matrix of which each query sees some rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from functools import partial
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from benchmarks.speed.method import Road
from benchmarks.speed.methods import RULES
from benchmarks.speed.pools import Vectors, pools
from benchmarks.speed.turns import Task, median, of_tasks
from sift_retrievers import acceleration, select

Ids = npt.NDArray[np.int64]
ROADS: Final[dict[str, Road]] = {
    **({} if acceleration.compiled() is None else {"compiled": nullcontext}),
    "numpy": acceleration.switched_off,
}
BATCHES: Final = [(200, 10, 384), (200, 10, 1024)]
ROWS: Final = (4_000, 40_000, 400_000)


def some_rows(rows: int, count: int, batch: int) -> Ids:
    """`[batch, count]` different rows each."""
    random = np.random.default_rng(1)
    return np.stack([random.choice(rows, count, replace=False) for _ in range(batch)])


def one_at_a_time(
    queries: Vectors, matrix: Vectors, ids: Ids, k: int, rule: dict[str, Any]
) -> None:
    for query, rows in zip(queries, ids, strict=True):
        select(query, matrix[rows], k, **rule)


def table_of_batches(batch: int, rounds: int) -> list[str]:
    """A batch whose queries have pools of their own in one matrix, and one that shares a pool."""
    lines = [
        "| rule | road | K | N | d | B | own pools by ids, ms a query | one shared pool | "
        "the own pools gathered, one at a time |",
        "|" + "---|" * 9,
    ]
    for count, k, dim in BATCHES:
        matrix = pools(20_000, dim, 1)[0]
        ids = some_rows(len(matrix), count, batch)
        queries = matrix[ids[:, :5]].mean(axis=1)
        shared = matrix[ids[0]]
        for name, rule in RULES.items():
            for road, enter in ROADS.items():
                tasks: dict[str, Task] = {
                    "ids": (partial(select, queries, matrix, k, ids=ids, **rule), enter),
                    "shared": (partial(select, queries, shared, k, **rule), enter),
                    "alone": (partial(one_at_a_time, queries, matrix, ids, k, rule), enter),
                }
                times = of_tasks(tasks, rounds)
                cells = [f"{median(taken) / batch:.4f}" for taken in times.values()]
                size = f"{count} | {k} | {dim} | {batch}"
                lines.append(f"| {name} | {road} | {size} | " + " | ".join(cells) + " |")
    return lines


def table_of_rows(all_rows: Iterable[int], rounds: int) -> list[str]:
    """`ids` into a matrix of more and more rows, against the rows gathered before the call."""
    count, k, dim = 200, 10, 384
    lines = [
        "| rule | road | rows of the matrix | B | ids, ms a query | gathered | ratio |",
        "|" + "---|" * 7,
    ]
    for rows in all_rows:
        matrix = big_matrix(rows, dim)
        for batch in (1, 64):
            ids = some_rows(rows, count, batch)
            queries = matrix[ids[:, :5]].mean(axis=1)
            for name, rule in RULES.items():
                for road, enter in ROADS.items():
                    tasks: dict[str, Task] = {
                        "ids": (partial(select, queries, matrix, k, ids=ids, **rule), enter),
                        "gathered": (gathered(queries, matrix, ids, k, rule), enter),
                    }
                    times = of_tasks(tasks, rounds)
                    by_ids, apart = (median(taken) / batch for taken in times.values())
                    size = f"{rows:,} | {batch} | {by_ids:.4f} | {apart:.4f}"
                    lines.append(f"| {name} | {road} | {size} | {by_ids / apart:.2f} |")
    return lines


def big_matrix(rows: int, dim: int) -> Vectors:
    """`[rows, dim]`: the same 4,000 vectors of unit length again and again, in changing order."""
    some = pools(4_000, dim, 1)[0]
    random = np.random.default_rng(2)
    return np.concatenate([some[random.permutation(4_000)] for _ in range(rows // 4_000)])


def gathered(
    queries: Vectors, matrix: Vectors, ids: Ids, k: int, rule: dict[str, Any]
) -> Callable[[], object]:
    """The copy of the rows is a part of what is timed."""
    return lambda: select(queries, matrix[ids], k, **rule)
