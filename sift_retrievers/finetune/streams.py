"""Read a framework's stream inside a session, which ends with the stream."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from contextvars import Context
from typing import Any, Final, TypeVar

from sift_retrievers.finetune.session_context import await_in_context
from sift_retrievers.finetune.worker_threads import run_in_thread, wait_for_thread

T = TypeVar("T")

_END: Final[Any] = object()


def read_stream(
    session: AbstractContextManager[Context], begin: Callable[[], Iterator[T]]
) -> Generator[T, None, None]:
    """Open a session and yield the items of a stream in it.

    Args:
        session: yields the context in which each step of the stream runs. It ends when the stream
            is exhausted, closed or dropped.
        begin: starts the stream.
    """
    with session as context:
        items = context.run(begin)
        try:
            while (item := context.run(next, items, _END)) is not _END:
                yield item
        finally:
            if hasattr(items, "close"):
                context.run(items.close)


async def aread_stream(
    session: AbstractAsyncContextManager[Context], begin: Callable[[], AsyncIterator[T]]
) -> AsyncGenerator[T, None]:
    """Async version of `read_stream`.

    It is a single generator, because `asyncio.run` closes all open ones at the same time.
    """
    async with session as context:
        items = context.run(begin)
        try:
            while (item := await await_in_context(context, _anext(items))) is not _END:
                yield item
        finally:
            if hasattr(items, "aclose"):
                await await_in_context(context, items.aclose())


async def iterate_in_threads(
    items: Iterator[T], cancel: Callable[[], None]
) -> AsyncGenerator[T, None]:
    """Iterate over a synchronous stream, with every step of it in a thread.

    Args:
        items: the stream.
        cancel: called if the stream ends early, to ask the thread to end early, too.
    """
    try:
        while True:
            item = await wait_for_thread(run_in_thread(next, items, _END), cancel=cancel)
            if item is _END:
                return
            yield item
    except BaseException:
        cancel()  # LangChain's streams, when closed, still read all of their input
        raise
    finally:
        if hasattr(items, "close"):
            await wait_for_thread(run_in_thread(items.close))


async def _anext(items: AsyncIterator[Any]) -> Any:
    return await anext(items, _END)
