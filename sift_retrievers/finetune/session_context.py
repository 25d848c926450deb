"""What the wrappers of chains and engines share: a session around code that a framework runs.

The wrapped code runs in a copy of the caller's context (`contextvars`) in which the session is
open. The caller's own context does not see the session, so code that reads a stream does not count
as part of the request.
"""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Generator,
    Iterator,
)
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from contextvars import Context
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from sift_retrievers.finetune.report import Report
    from sift_retrievers.finetune.session import Session
    from sift_retrievers.finetune.tuner import TestTimeTuner

T = TypeVar("T")
OnReport = Callable[["Report"], None]

_END: Final[Any] = object()


@contextmanager
def session_in_context(
    tuner: TestTimeTuner, context: Context, *, tuned: bool, on_report: OnReport | None
) -> Iterator[Session]:
    """Open a session in `context`; warn if nothing was trained; report when the session is over.

    Args:
        tuner: of the model.
        context: a copy of the caller's context; the session is open in it alone.
        tuned: whether retrievers train in the session.
        on_report: receives the report, once the base model has been verified. Exceptions that it
            raises propagate, so no answer goes unrecorded.
    """
    session: Session | None = None
    try:
        with ExitStack() as stack:
            session = context.run(stack.enter_context, tuner.request(tuned=tuned))
            yield session
        _warn_if_untrained(session)
    finally:
        deliver_report(session, on_report)


@asynccontextmanager
async def asession_in_context(
    tuner: TestTimeTuner, context: Context, *, tuned: bool, on_report: OnReport | None
) -> AsyncIterator[Session]:
    """Async version of `session_in_context`."""
    session: Session | None = None
    try:
        async with AsyncExitStack() as stack:
            entering = stack.enter_async_context(tuner.arequest(tuned=tuned))
            session = await await_in_context(context, entering)
            yield session
        _warn_if_untrained(session)
    finally:
        deliver_report(session, on_report)


def deliver_report(session: Session | None, on_report: OnReport | None) -> None:
    """Call `on_report` with the report of a finished session, if the session trained."""
    if on_report is not None and session is not None and session.report is not None:
        on_report(session.report)


def iterate_in_context(context: Context, items: Iterator[T]) -> Generator[T, None, None]:
    """Iterate over a stream with every step of it run in `context`; close it at the end."""
    try:
        while (item := context.run(next, items, _END)) is not _END:
            yield item
    finally:
        if hasattr(items, "close"):
            context.run(items.close)


async def aiterate_in_context(context: Context, items: AsyncIterator[T]) -> AsyncGenerator[T, None]:
    """Async version of `iterate_in_context`."""
    try:
        while (item := await await_in_context(context, _anext(items))) is not _END:
            yield item
    finally:
        if hasattr(items, "aclose"):
            await await_in_context(context, items.aclose())


async def await_in_context(context: Context, work: Awaitable[T]) -> T:
    """Await `work` in a task that runs in `context`."""
    return await asyncio.create_task(_await(work), context=context)


async def _await(work: Awaitable[T]) -> T:
    return await work


async def _anext(items: AsyncIterator[Any]) -> Any:
    return await anext(items, _END)


def _warn_if_untrained(session: Session) -> None:
    if session.tuned and session.report is None:
        warnings.warn(
            "nothing was trained for this request, because no retriever that it called has "
            "fine_tune=tuner. If that is intended, use wrap(..., tuned=False)",
            stacklevel=2,
        )
