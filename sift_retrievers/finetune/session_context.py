"""What the wrappers of chains and engines share: a session around code that a framework runs.

The wrapped code runs in a copy of the caller's context (`contextvars`) in which the session is
open. The caller's own context does not see the session, so code that reads a stream does not count
as part of the request.
"""

from __future__ import annotations

import asyncio
import logging
import warnings
from collections.abc import Awaitable, Callable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    AsyncExitStack,
    ExitStack,
    contextmanager,
    nullcontext,
)
from contextvars import Context, copy_context
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from sift_retrievers.finetune.open_request import AsyncRequest
    from sift_retrievers.finetune.report import Report
    from sift_retrievers.finetune.session import Session
    from sift_retrievers.finetune.tuner import TestTimeTuner

T = TypeVar("T")
OnReport = Callable[["Report"], None]

logger = logging.getLogger(__name__)


@contextmanager
def session_in_context(
    tuner: TestTimeTuner,
    *,
    tuned: bool,
    on_report: OnReport | None,
    inside: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> Iterator[Context]:
    """Open a session in a copy of the caller's context, and yield that context.

    Warns if nothing was trained, and reports when the session is over.

    Args:
        tuner: of the model.
        tuned: whether retrievers train in the session.
        on_report: see `deliver_report`. Called once the base model has been verified.
        inside: makes a block to enter inside the session, in its context.
    """
    context, session = copy_context(), None
    try:
        with ExitStack() as stack:
            session = context.run(stack.enter_context, tuner.request(tuned=tuned))
            context.run(stack.enter_context, inside())
            yield context
        _warn_if_untrained(session)
    finally:
        deliver_report(session, on_report)


class AsyncSessionInContext(AbstractAsyncContextManager[Context]):
    """Async version of `session_in_context`; a class for the same reason as `AsyncRequest`."""

    def __init__(
        self,
        tuner: TestTimeTuner,
        *,
        tuned: bool,
        on_report: OnReport | None,
        inside: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self._request: AsyncRequest = tuner.arequest(tuned=tuned)
        self._on_report, self._inside = on_report, inside
        self._session: Session | None = None
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Context:
        context = copy_context()
        async with AsyncExitStack() as stack:
            entering = stack.enter_async_context(self._request)
            self._session = await await_in_context(context, entering)
            context.run(stack.enter_context, self._inside())
            self._stack = stack.pop_all()
        return context

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            await self._stack.__aexit__(kind, error, trace)
            if error is None and self._session is not None:
                _warn_if_untrained(self._session)
        finally:
            deliver_report(self._session, self._on_report)

    def outlive_loop(self) -> None:
        """Keep the session open when the event loop closes, for a stream that needs no loop."""
        self._request.outlive_loop()


def deliver_report(session: Session | None, on_report: OnReport | None) -> None:
    """Call `on_report` with the report of a finished session, if the session trained.

    An exception that `on_report` raises is logged, with its traceback, and not raised: it comes
    when the answer is complete, and must replace neither the answer nor an error of the request.
    """
    if on_report is None or session is None or session.report is None:
        return
    try:
        on_report(session.report)
    except Exception:
        logger.exception("on_report failed; the answer of the request is not affected")


async def await_in_context(context: Context, work: Awaitable[T]) -> T:
    """Await `work` in a task that runs in `context`."""
    return await asyncio.create_task(_await(work), context=context)


async def _await(work: Awaitable[T]) -> T:
    return await work


def _warn_if_untrained(session: Session) -> None:
    if session.tuned and session.report is None:
        warnings.warn(
            "nothing was trained for this request, because no retriever that it called has "
            "fine_tune=tuner. If that is intended, use wrap(..., tuned=False)",
            stacklevel=2,
        )
