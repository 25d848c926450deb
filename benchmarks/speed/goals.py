"""The goals of speed of a selection, and whether they are reached."""

from __future__ import annotations

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

    def __str__(self) -> str:
        count, k, dim = self.size
        return f"{self.method}, K = {count}, N = {k}, d = {dim}"

    @property
    def limit(self) -> str:
        if self.ratio is not None:
            return f"≤ {self.ratio} × {yardstick(self.size[1])}"
        if self.times_faster is not None:
            return f"≥ {self.times_faster[1]:,.0f} × faster than {self.times_faster[0]}"
        return f"≤ {self.milliseconds} ms"

    def judged(self, times: Times) -> str:
        """What was found, and whether that is the goal."""
        other = self.times_faster[0] if self.times_faster else yardstick(self.size[1])
        if self.method not in times or other not in times:
            return "not measured"
        took = median(times[self.method])
        if self.ratio is not None:
            found = took / median(times[other])
            shown, reached = f"{found:.2f} × ({took:.3g} ms)", found <= self.ratio
        elif self.times_faster is not None:
            found = median(times[other]) / took
            shown, reached = f"{found:,.0f} × ({took:.3g} ms)", found >= self.times_faster[1]
        else:
            assert self.milliseconds is not None
            shown, reached = f"{took:.3g} ms", took <= self.milliseconds
        return shown if reached else f"**not reached**: {shown}"


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


def table_of_goals(default_threads: Found, one_thread: Found, fixed: Times) -> list[str]:
    """Of the quiet machine."""
    lines = ["| | goal | default threads | one thread |", "|---|---|---|---|"]
    for goal in GOALS:
        cells = [goal.judged(found[goal.size]) for found in (default_threads, one_thread)]
        lines.append(f"| {goal} | {goal.limit} | {' | '.join(cells)} |")
    for name, taken in fixed.items():
        limit = FIXED_COST.get(name.split(", ")[-1])
        if limit is not None:
            took = 1e3 * median(taken)
            shown = f"{took:.1f} µs" if took <= limit else f"**not reached**: {took:.1f} µs"
            lines.append(f"| {name}, fixed cost of a call | ≤ {limit:.0f} µs | {shown} | |")
    return lines
