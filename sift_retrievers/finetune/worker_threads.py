"""Run blocking work in a thread and await it, without leaving it behind on a cancellation."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")

# Not the event loop's own executor: synchronous requests that wait for the model could occupy all
# threads of that one, and the request that holds the model would get none. Here only requests that
# hold a model run, so 64 threads suffice.
_executor = ThreadPoolExecutor(64, thread_name_prefix="sift-finetune")


def run_in_thread(work: Callable[..., T], *args: Any, **kwargs: Any) -> asyncio.Future[T]:
    """Start work in a thread, with a copy of the caller's context."""
    call = partial(copy_context().run, work, *args, **kwargs)
    return asyncio.get_running_loop().run_in_executor(_executor, call)


async def wait_for_thread(
    task: asyncio.Future[T],
    *,
    cancel: Callable[[], None] | None = None,
    undo: Callable[[T], None] | None = None,
) -> T:
    """Return the result of work in a thread. A cancellation is raised once the thread is done.

    Args:
        task: what `run_in_thread` returned.
        cancel: called on a cancellation, to ask the thread to end early.
        undo: called in a thread on a cancellation, with the result that the caller will not get.
    """
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        if cancel is not None:
            cancel()
        await _wait_uncancelled(task)  # until then the model is in use
        # Reading the exception marks it as handled; the cancellation is raised in its place.
        failed = task.cancelled() or task.exception() is not None
        if undo is not None and not failed:
            await _wait_uncancelled(run_in_thread(undo, task.result()))
        raise


async def _wait_uncancelled(task: asyncio.Future[Any]) -> None:
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            continue
