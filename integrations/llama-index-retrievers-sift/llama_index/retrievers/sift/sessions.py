"""`Sessions`: sessions of a tuner around LlamaIndex' answers, open until these are read."""

from __future__ import annotations

import asyncio
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Generator,
    Iterator,
    Sequence,
)
from contextlib import AsyncExitStack, ExitStack, aclosing
from contextvars import Context, copy_context
from dataclasses import dataclass, replace
from threading import Thread
from typing import Any, TypeVar, cast

from llama_index.core.base.response.schema import AsyncStreamingResponse, StreamingResponse
from llama_index.core.schema import QueryType

from sift_retrievers.finetune import Report, TestTimeTuner
from sift_retrievers.finetune.session_context import (
    aiterate_in_context,
    asession_in_context,
    await_in_context,
    iterate_in_context,
    session_in_context,
)

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
        context = copy_context()
        with ExitStack() as stack:
            stack.enter_context(
                session_in_context(self.tuner, context, tuned=self.tuned, on_report=self.on_report)
            )
            answer = context.run(work)
            if isinstance(answer, StreamingResponse):
                tokens = _read(stack.pop_all(), context, answer.response_gen)
                return cast(T, replace(answer, response_gen=tokens))
            if isinstance(answer, Generator):
                return cast(T, _read(stack.pop_all(), context, answer))
            return answer

    async def arun(self, work: Callable[[], Awaitable[T]]) -> T:
        """Async version of `run`."""
        context = copy_context()
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(
                asession_in_context(self.tuner, context, tuned=self.tuned, on_report=self.on_report)
            )
            answer = await await_in_context(context, work())
            if isinstance(answer, AsyncStreamingResponse):
                stream = _aread(stack.pop_all(), context, answer.response_gen)
                return cast(T, replace(answer, response_gen=stream))
            if isinstance(answer, AsyncGenerator):
                return cast(T, _aread(stack.pop_all(), context, answer))
            if isinstance(answer, StreamingResponse):
                ending = ExitStack()
                ending.callback(_close, stack.pop_all())
                tokens = _read(ending, context, answer.response_gen)
                return cast(T, replace(answer, response_gen=tokens))
            return answer


def _text(query: QueryType) -> str:
    return query if isinstance(query, str) else query.query_str


def _read(stack: ExitStack, context: Context, tokens: Iterator[Any]) -> Generator[Any, None, None]:
    """Yield the tokens, then end the session. A stream that is dropped unread ends it as well."""
    with stack:
        yield from iterate_in_context(context, tokens)


async def _aread(
    stack: AsyncExitStack, context: Context, tokens: AsyncIterator[Any]
) -> AsyncGenerator[Any, None]:
    """Async version of `_read`."""
    async with stack, aclosing(aiterate_in_context(context, tokens)) as stream:
        async for token in stream:
            yield token


def _close(stack: AsyncExitStack) -> None:
    """End a session that was opened asynchronously, from synchronous code."""
    thread = Thread(target=lambda: asyncio.run(stack.aclose()))
    thread.start()
    thread.join()
