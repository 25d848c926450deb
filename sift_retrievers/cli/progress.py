"""`progress`: a bar on stderr, where stderr is a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

T = TypeVar("T")


def progress(steps: Sequence[T] | range, title: str) -> Iterable[T]:
    """The steps, with a bar; without one where tqdm is missing or stderr is no terminal."""
    try:
        from tqdm import tqdm
    except ImportError:
        return steps  # type: ignore[return-value]
    bar: Iterable[T] = tqdm(steps, desc=title, disable=None, leave=False)
    return bar
