"""Work in a thread that an event loop waits for, to the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")

# Not asyncio's own: synchronous requests that wait for their turn in its threads would leave none
# for the request that they wait for. Only who has a model works here, so these suffice.
_threads = ThreadPoolExecutor(64, thread_name_prefix="sift-finetune")


def in_thread(work: Callable[..., T], *args: Any, **kwargs: Any) -> asyncio.Future[T]:
    """Begin work in a thread, in a copy of this context."""
    call = partial(copy_context().run, work, *args, **kwargs)
    return asyncio.get_running_loop().run_in_executor(_threads, call)


async def finished(
    task: asyncio.Future[T],
    *,
    cancel: Callable[[], None] | None = None,
    undo: Callable[[T], None] | None = None,
) -> T:
    """The result of work in a thread; a cancellation waits until the thread is done with it.

    Args:
        task: as `in_thread` gives it.
        cancel: asks the thread to end early.
        undo: takes back, in a thread, a result that nobody will get.
    """
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        if cancel is not None:
            cancel()
        await _done(task)  # nobody else may get the model before
        failed = task.cancelled() or task.exception() is not None  # seen: the cancellation counts
        if undo is not None and not failed:
            await _done(in_thread(undo, task.result()))
        raise


async def _done(task: asyncio.Future[Any]) -> None:
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            continue
