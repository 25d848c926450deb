"""Reading stores that have no lock of their own while other threads write to them.

Such a store changes its parts one after the other. Between two of them nothing in the store says
that a change is under way; the stack of the writing thread does.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from threading import get_ident
from time import sleep
from types import FrameType
from typing import Any, Final, TypeVar

T = TypeVar("T")

TRIES: Final = 50
"""Of one read; with their pauses they take up to a second."""
LONGEST_PAUSE: Final = 0.02
DEPTH: Final = 16
"""Frames of a thread that are looked at. The functions in question call little further."""


def undisturbed(read: Callable[[], T | None], store: object) -> T:
    """What `read` returns when nobody writes meanwhile.

    Args:
        read: reads the store; returns None if somebody wrote while it did. It is called again, with
            pauses, until it returns something else.
        store: for the message.

    Raises:
        RuntimeError: if the last try fails, too.
    """
    found = first(read)
    if found is not None:
        return found
    raise RuntimeError(
        f"{type(store).__name__} was being written to during each of {TRIES} attempts to read it, "
        "and it has no lock: write in larger batches with pauses, or query a copy"
    )


def first(read: Callable[[], T | None]) -> T | None:
    """What `read` returns when it first returns something, or None after so many tries."""
    for attempt in range(TRIES):
        found = read()
        if found is not None:
            return found
        sleep(min(0.0005 * 2**attempt, LONGEST_PAUSE))
    return None


def is_running(*functions: Any) -> bool:
    """Whether another thread is inside a call of one of these functions at this moment.

    Args:
        *functions: written in Python; what is no such function is passed over.
    """
    return any(True for _ in calls(*functions))


def calls(*functions: Any) -> Iterator[FrameType]:
    """The calls of these functions that other threads are in at this moment."""
    codes = [code for f in functions if (code := getattr(f, "__code__", None)) is not None]
    here = get_ident()
    for thread, top in sys._current_frames().items():
        if thread == here:
            continue
        frame: FrameType | None = top
        for _ in range(DEPTH):
            if frame is None:
                break
            code = frame.f_code
            for wanted in codes:
                if code is wanted:
                    yield frame
            frame = frame.f_back


def is_only_thread() -> bool:
    """Whether no other thread of this process runs Python."""
    return len(sys._current_frames()) == 1
