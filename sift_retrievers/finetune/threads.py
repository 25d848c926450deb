"""Work in a thread that an event loop waits for, to the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def finished(
    work: Coroutine[Any, Any, T],
    *,
    cancel: Callable[[], None] | None = None,
    undo: Callable[[T], None] | None = None,
) -> T:
    """The result of work in a thread; a cancellation waits until the thread is done with it.

    Args:
        work: as `asyncio.to_thread` gives it.
        cancel: asks the thread to end early.
        undo: takes back a result that nobody will get.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        if cancel is not None:
            cancel()
        while not task.done():  # nobody else may get the model before
            try:
                await asyncio.wait({task})
            except asyncio.CancelledError:
                continue
        failed = task.cancelled() or task.exception() is not None  # seen: the cancellation counts
        if undo is not None and not failed:
            undo(task.result())
        raise
