"""Timing of methods that take turns on the same data, so that a noisy machine is noisy for all."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

import numpy as np

from benchmarks.speed.method import Method, Road
from benchmarks.speed.pools import pools, query_of

ONCE: Final = 1.0
"""Seconds: a method that takes longer is run once."""
THRICE: Final = 0.1
"""Seconds: a method that takes longer is run three times."""
Times = dict[str, list[float]]
"""Seconds of every turn of every method; a method that was not run is missing."""


def orders(names: Iterable[str], rounds: int) -> Iterator[list[str]]:
    """A new order in every round, so that nobody always follows the same neighbour."""
    draw = random.Random(0)
    every = [*names]
    for _ in range(rounds):
        yield draw.sample(every, len(every))


def of_selection(methods: Mapping[str, Method], size: tuple[int, int, int], rounds: int) -> Times:
    """Times of one query of the size (K, N, d), methods in changing order over eight pools.

    A turn is two calls on two pools, the second timed: what the method before left behind in the
    processor is not this one's.
    """
    count, k, dim = size
    some = [(query_of(pool), pool) for pool in pools(count, dim)]
    times: Times = {name: [] for name in methods}
    slow: set[str] = set()
    for number, names in enumerate(orders(methods, rounds)):
        for name in names:
            if name in slow:
                continue
            method = methods[name]
            with method.road():
                for turn in (0, 1):
                    query, pool = some[(2 * number + turn) % len(some)]
                    start = time.perf_counter()
                    method.run(query, pool, k)
                    elapsed = time.perf_counter() - start
                    if elapsed > ONCE:
                        break
            times[name].append(elapsed)
            if elapsed > ONCE or (elapsed > THRICE and len(times[name]) >= 3):
                slow.add(name)
    return times


Task = tuple[Callable[[], object], Road]
"""What is timed, and the road on which it is called."""


def of_tasks(tasks: Mapping[str, Task], rounds: int, calls: int = 1) -> Times:
    """Times of a call of each task; each is called `calls` times in a row in its turn."""
    times: Times = {name: [] for name in tasks}
    for number, names in enumerate(orders(tasks, rounds + 1)):
        for name in names:
            task, road = tasks[name]
            with road():
                start = time.perf_counter()
                for _ in range(calls):
                    task()
                elapsed = (time.perf_counter() - start) / calls
            if number > 0:  # the first round warms up
                times[name].append(elapsed)
    return times


def median(seconds: list[float]) -> float:
    """In milliseconds."""
    return 1e3 * statistics.median(seconds)


def ninth_decile(seconds: list[float]) -> float:
    """In milliseconds: nine of ten turns took less."""
    return 1e3 * float(np.quantile(seconds, 0.9))
