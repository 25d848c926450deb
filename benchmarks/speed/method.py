"""What is timed: a selector, and the road on which it runs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from benchmarks.speed.pools import Vectors

Road = Callable[[], AbstractContextManager[None]]
"""Entered before the clock starts."""


@dataclass(frozen=True)
class Method:
    """A selector: takes a query `[d]`, its candidates `[K, d]`, and k."""

    run: Callable[[Vectors, Vectors, int], object]
    road: Road = nullcontext
