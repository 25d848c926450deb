"""`Sessions`: sessions of a tuner in which LlamaIndex answers. They end when the answer is read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    AsyncExitStack,
    ExitStack,
)
from contextvars import Context
from dataclasses import dataclass, replace
from threading import Thread
from typing import Any, TypeVar, cast

from llama_index.core.base.response.schema import AsyncStreamingResponse, StreamingResponse
from llama_index.core.schema import QueryType

from sift_retrievers.finetune import Report, TestTimeTuner
from sift_retrievers.finetune.session_context import (
    AsyncSessionInContext,
    await_in_context,
    session_in_context,
)
from sift_retrievers.finetune.streams import aread_stream, read_stream

T = TypeVar("T")


@dataclass(frozen=True)
class Sessions:
    """Opens and ends the sessions of one wrapped engine or synthesizer."""

    tuner: TestTimeTuner
    tuned: bool = True
    on_report: Callable[[Report], None] | None = None

    def untuned(self) -> Sessions:
        """Sessions of the same tuner, in which nothing is trained or reported."""
        return Sessions(self.tuner, tuned=False)

    def run_tuned(self, query: QueryType, texts: Sequence[str], work: Callable[[], T]) -> T:
        """As `run`, but train on the texts first, if the sessions are tuned."""

        def train_and_work() -> T:
            session = self.tuner.current_session()
            if session.tuned:
                session.tune(_text(query), texts)
            return work()

        return self.run(train_and_work)

    async def arun_tuned(
        self, query: QueryType, texts: Sequence[str], work: Callable[[], Awaitable[T]]
    ) -> T:
        """Async version of `run_tuned`."""

        async def train_and_work() -> T:
            session = self.tuner.current_session()
            if session.tuned:
                await session.atune(_text(query), texts)
            return await work()

        return await self.arun(train_and_work)

    def run(self, work: Callable[[], T]) -> T:
        """Return the answer of `work`, which runs inside a new session.

        If the answer is a stream, or a response that holds one, the session ends when the stream is
        exhausted, closed or dropped; otherwise it ends at once.
        """
        with ExitStack() as stack:
            context = stack.enter_context(
                session_in_context(self.tuner, tuned=self.tuned, on_report=self.on_report)
            )
            answer = context.run(work)
            if isinstance(answer, StreamingResponse):
                session = _OpenSession(context, stack.pop_all())
                tokens = read_stream(session, lambda: answer.response_gen)
                return cast(T, replace(answer, response_gen=tokens))
            if isinstance(answer, Generator):
                session = _OpenSession(context, stack.pop_all())
                return cast(T, read_stream(session, lambda: answer))
            return answer

    async def arun(self, work: Callable[[], Awaitable[T]]) -> T:
        """Async version of `run`."""
        async with AsyncExitStack() as stack:
            opening = AsyncSessionInContext(self.tuner, tuned=self.tuned, on_report=self.on_report)
            context = await stack.enter_async_context(opening)
            answer = await await_in_context(context, work())
            if isinstance(answer, AsyncStreamingResponse):
                session = _AsyncOpenSession(context, stack.pop_all())
                stream = aread_stream(session, lambda: answer.response_gen)
                return cast(T, replace(answer, response_gen=stream))
            if isinstance(answer, AsyncGenerator):
                session = _AsyncOpenSession(context, stack.pop_all())
                return cast(T, aread_stream(session, lambda: answer))
            if isinstance(answer, StreamingResponse):
                opening.outlive_loop()
                ending = ExitStack()
                ending.callback(_close, stack.pop_all())
                tokens = read_stream(_OpenSession(context, ending), lambda: answer.response_gen)
                return cast(T, replace(answer, response_gen=tokens))
            return answer


@dataclass(frozen=True)
class _OpenSession(AbstractContextManager[Context]):
    """A session that was opened before its stream was known; leaving it ends the session."""

    context: Context
    stack: ExitStack

    def __enter__(self) -> Context:
        return self.context

    def __exit__(self, *error: Any) -> None:
        self.stack.__exit__(*error)


@dataclass(frozen=True)
class _AsyncOpenSession(AbstractAsyncContextManager[Context]):
    """Async version of `_OpenSession`."""

    context: Context
    stack: AsyncExitStack

    async def __aenter__(self) -> Context:
        return self.context

    async def __aexit__(self, *error: Any) -> None:
        await self.stack.__aexit__(*error)


def _text(query: QueryType) -> str:
    return query if isinstance(query, str) else query.query_str


def _close(stack: AsyncExitStack) -> None:
    """End a session that was opened asynchronously, from synchronous code."""
    thread = Thread(target=lambda: asyncio.run(stack.aclose()))
    thread.start()
    thread.join()
