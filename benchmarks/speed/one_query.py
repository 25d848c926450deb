"""One query at a time: every size, one and several threads, a quiet machine and a busy one."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import product
from typing import Final

from threadpoolctl import threadpool_limits

from benchmarks.speed.load import busy_cores
from benchmarks.speed.method import Method
from benchmarks.speed.methods import FAST, yardstick
from benchmarks.speed.pools import pools, query_of
from benchmarks.speed.turns import Times, median, ninth_decile, of_selection, of_tasks

Size = tuple[int, int, int]
"""K candidates, N picks, d dimensions."""
Found = dict[Size, Times]
Track = Callable[[Iterable[Size], str], Iterable[Size]]
"""Shows how far a loop is."""

SIZES: Final = [(K, N, d) for N, d, K in product((5, 10, 50), (384, 1024), (50, 200, 1000, 5000))]
GOALS: Final = [(200, 10, 384), (200, 10, 1024), (1000, 50, 1024), (5000, 50, 384)]
"""The sizes that the goals name."""
CONDITIONS: Final = {
    "quiet machine, default threads": (None, False),
    "quiet machine, one thread": (1, False),
    "busy machine, default threads": (None, True),
    "busy machine, one thread": (1, True),
}
TOO_SLOW: Final = 3.0
"""Seconds: a method that took longer is not run on larger pools of that N and d."""


@contextmanager
def condition(threads: int | None, busy: bool) -> Iterator[None]:
    """With so many threads of BLAS and OpenMP (None: their own number), and a load beside it."""
    with ExitStack() as stack:
        if threads is not None:
            stack.enter_context(threadpool_limits(threads))
        if busy:
            stack.enter_context(busy_cores())
        yield


def measure(methods: Mapping[str, Method], sizes: Iterable[Size], rounds: int) -> Found:
    """Times of every method at every size."""
    found: Found = {}
    too_slow: dict[tuple[int, int], set[str]] = {}
    for size in sizes:
        skipped = too_slow.setdefault(size[1:], set())
        times = of_selection({n: m for n, m in methods.items() if n not in skipped}, size, rounds)
        skipped |= {name for name, taken in times.items() if statistics.median(taken) > TOO_SLOW}
        found[size] = times
    return found


def fixed_cost(rounds: int) -> Times:
    """Times of a call with next to nothing to compute: K = 8, N = 5, d = 8, a hundred in a row."""
    pool = pools(8, 8, 1)[0]
    query = query_of(pool)
    tasks = {
        name: (partial(method.run, query, pool, 5), method.road) for name, method in FAST.items()
    }
    return of_tasks(tasks, rounds, calls=100)


def table(found: Found, methods: Iterable[str]) -> list[str]:
    """Milliseconds, and in brackets the ratio to the yardstick of the line."""
    names = [*methods]
    lines = ["| K | N | d | " + " | ".join(names) + " |", "|" + "---|" * (3 + len(names))]
    for (count, k, dim), times in found.items():
        base = median(times[yardstick(k)])
        cells = [
            f"{median(times[n]):.3g} ({median(times[n]) / base:.2f})" if n in times else "not run"
            for n in names
        ]
        lines.append(f"| {count} | {k} | {dim} | " + " | ".join(cells) + " |")
    return lines


def table_of_conditions(found: Mapping[str, Found]) -> list[str]:
    """Median and ninth decile in milliseconds, and the ratio of medians to the yardstick."""
    names = [*FAST]
    lines = [
        "| | K | N | d | " + " | ".join(names) + " |",
        "|" + "---|" * (4 + len(names)),
    ]
    for name, sizes in found.items():
        for (count, k, dim), times in sizes.items():
            base = median(times[yardstick(k)])
            cells = [
                f"{median(times[n]):.3g}, {ninth_decile(times[n]):.3g} "
                f"({median(times[n]) / base:.2f})"
                for n in names
            ]
            lines.append(f"| {name} | {count} | {k} | {dim} | " + " | ".join(cells) + " |")
    return lines


def table_of_fixed_cost(times: Times) -> list[str]:
    lines = ["| method | µs a call |", "|---|---|"]
    return lines + [f"| {name} | {1e3 * median(taken):.1f} |" for name, taken in times.items()]
