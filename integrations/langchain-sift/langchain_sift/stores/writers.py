"""Reads stores that have no lock of their own while other threads write to them.

Such a store changes its parts one after the other. In between, nothing in the store shows that it
is being changed, but the stack of the writing thread does.
"""

from __future__ import annotations

from collections.abc import Callable
from time import sleep
from typing import Any, Final, TypeVar

from sift_retrievers.running_calls import running_calls

T = TypeVar("T")

TRIES: Final = 50
"""Attempts to read. With the pauses in between they take up to a second."""
LONGEST_PAUSE: Final = 0.02
DEPTH: Final = 16
"""How many frames of a thread are searched. The functions that write make few nested calls."""


def undisturbed(read: Callable[[], T | None], store: object) -> T:
    """The result of a call of `read` during which nobody wrote to the store.

    Args:
        read: reads the store, and returns None if somebody wrote to it meanwhile. It is called
            again, with pauses, until it returns something else.
        store: named by the error.

    Raises:
        RuntimeError: if `read` returned None each of `TRIES` times.
    """
    found = first(read)
    if found is not None:
        return found
    raise RuntimeError(
        f"{type(store).__name__} was being written to during each of {TRIES} attempts to read it, "
        "and it has no lock: write in larger batches with pauses, or query a copy"
    )


def first(read: Callable[[], T | None]) -> T | None:
    """The first result of `read` that is not None, or None if there is none in `TRIES` calls."""
    for attempt in range(TRIES):
        found = read()
        if found is not None:
            return found
        sleep(min(0.0005 * 2**attempt, LONGEST_PAUSE))
    return None


def is_running(*functions: Any) -> bool:
    """Whether another thread is executing one of these functions at this moment.

    Args:
        *functions: functions written in Python; other objects are ignored.
    """
    return any(True for _ in running_calls(*functions, depth=DEPTH))
