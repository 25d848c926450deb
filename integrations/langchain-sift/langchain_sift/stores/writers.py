"""Reading stores that have no lock of their own while other threads write to them.

Such a store changes its parts one after the other. Between two of them nothing in the store says
that a change is under way; the stack of the writing thread does.
"""

from __future__ import annotations

from collections.abc import Callable
from time import sleep
from typing import Any, Final, TypeVar

from sift_retrievers.running_calls import running_calls

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
    return any(True for _ in running_calls(*functions, depth=DEPTH))
