"""The goals of speed of a selection, and whether they are reached."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from benchmarks.speed.methods import yardstick
from benchmarks.speed.one_query import Found, Size
from benchmarks.speed.turns import Times, median


@dataclass(frozen=True)
class Goal:
    """A limit for one method at one size."""

    method: str
    size: Size
    ratio: float | None = None
    """To the yardstick's time."""
    milliseconds: float | None = None
    times_faster: tuple[str, float] | None = None
    """Than another method."""

    def judged(self, times: Times) -> str:
        """Its line in the table."""
        count, k, dim = self.size
        what = f"{self.method}, K = {count}, N = {k}, d = {dim}"
        if self.method not in times:
            return f"| {what} | | not measured: the extension is not built |"
        took = median(times[self.method])
        if self.ratio is not None:
            found = took / median(times[yardstick(k)])
            goal, reached = f"≤ {self.ratio} × {yardstick(k)}", found <= self.ratio
            shown = f"{found:.2f} × ({took:.3g} ms)"
        elif self.milliseconds is not None:
            goal, reached = f"≤ {self.milliseconds} ms", took <= self.milliseconds
            shown = f"{took:.3g} ms"
        else:
            assert self.times_faster is not None
            other, factor = self.times_faster
            found = median(times[other]) / took
            goal, reached = f"≥ {factor:,.0f} × faster than {other}", found >= factor
            shown = f"{found:,.0f} × ({took:.3g} ms)"
        return f"| {what} | {goal} | {shown if reached else f'**not reached**: {shown}'} |"


SMALL, WIDE, LARGE, LARGEST = (200, 10, 384), (200, 10, 1024), (1000, 50, 1024), (5000, 50, 384)
GOALS: Final = [
    Goal("default, compiled", SMALL, ratio=0.15),
    Goal("default, compiled", WIDE, ratio=0.15),
    Goal("cosine, compiled", SMALL, ratio=0.25),
    Goal("cosine, compiled", WIDE, ratio=0.35),
    Goal("default, numpy", SMALL, ratio=1.0),
    Goal("default, numpy", WIDE, ratio=1.0),
    Goal("cosine, numpy", SMALL, ratio=1.0),
    Goal("cosine, numpy", WIDE, ratio=1.0),
    Goal("default, compiled", LARGE, ratio=0.1),
    Goal("default, numpy", LARGE, ratio=1.0),
    Goal("default, compiled", LARGEST, milliseconds=3.0),
    Goal("default, compiled", SMALL, times_faster=("activeft", 1000)),
    Goal("cosine, compiled", SMALL, times_faster=("activeft", 1000)),
]
FIXED_COST: Final = {"compiled": 15.0, "numpy": 120.0}
"""Microseconds of a call."""


def table_of_goals(found: Found, fixed: Times) -> list[str]:
    """Of the quiet machine with default threads."""
    lines = ["| | goal | found |", "|---|---|---|"]
    lines += [goal.judged(found[goal.size]) for goal in GOALS if goal.size in found]
    return [*lines, *_fixed(fixed)]


def _fixed(fixed: Times) -> Iterable[str]:
    for name, taken in fixed.items():
        limit = FIXED_COST.get(name.split(", ")[-1])
        if limit is None:
            continue
        took = 1e3 * median(taken)
        shown = f"{took:.1f} µs" if took <= limit else f"**not reached**: {took:.1f} µs"
        yield f"| {name}, fixed cost of a call | ≤ {limit:.0f} µs | {shown} |"
