"""`Sessions`: requests of a tuner around LlamaIndex' answers, open until these are read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Iterator
from contextlib import AsyncExitStack, ExitStack
from contextvars import Context, copy_context
from dataclasses import dataclass, replace
from threading import Thread
from typing import Any, TypeVar, cast

from llama_index.core.base.response.schema import AsyncStreamingResponse, StreamingResponse

from sift_retrievers.finetune import Report, Request, TestTimeTuner
from sift_retrievers.hook import hand_on, warn_untrained

T = TypeVar("T")


@dataclass(frozen=True)
class Sessions:
    """How the requests of one wrapped engine or synthesizer are opened and ended."""

    tuner: TestTimeTuner
    tuned: bool = True
    on_report: Callable[[Report], None] | None = None

    def run(self, work: Callable[[Request], T]) -> T:
        """The answer of `work`, made inside a request.

        The request of a stream, or of a response that holds one, ends when that is exhausted,
        closed or dropped; any other at once.
        """
        context = copy_context()  # the caller's own stays outside of the request
        with ExitStack() as stack:
            begun: list[Request] = []
            stack.callback(self._tell, begun)  # runs last, when the report is complete
            request = context.run(stack.enter_context, self.tuner.request(tuned=self.tuned))
            begun.append(request)
            answer = context.run(work, request)
            warn_untrained(request)
            if isinstance(answer, StreamingResponse):
                tokens = _read(stack.pop_all(), context, answer.response_gen)
                return cast(T, replace(answer, response_gen=tokens))
            if isinstance(answer, Generator):
                return cast(T, _read(stack.pop_all(), context, answer))
            return answer

    async def arun(self, work: Callable[[Request], Awaitable[T]]) -> T:
        """The same; waiting and training leave the event loop free."""
        context = copy_context()
        async with AsyncExitStack() as stack:
            begun: list[Request] = []
            stack.callback(self._tell, begun)
            enter = stack.enter_async_context(self.tuner.arequest(tuned=self.tuned))
            request = await asyncio.create_task(enter, context=context)
            begun.append(request)
            answer = await asyncio.create_task(_awaited(work(request)), context=context)
            warn_untrained(request)
            if isinstance(answer, AsyncStreamingResponse):
                stream = _aread(stack.pop_all(), context, answer.response_gen)
                return cast(T, replace(answer, response_gen=stream))
            if isinstance(answer, AsyncGenerator):
                return cast(T, _aread(stack.pop_all(), context, answer))
            if isinstance(answer, StreamingResponse):
                ended = ExitStack()
                ended.callback(_close, stack.pop_all())
                tokens = _read(ended, context, answer.response_gen)
                return cast(T, replace(answer, response_gen=tokens))
            return answer

    def _tell(self, begun: list[Request]) -> None:
        for request in begun:
            hand_on(request, self.on_report)


_END: Any = object()


def _read(stack: ExitStack, context: Context, tokens: Iterator[Any]) -> Generator[Any, None, None]:
    """The tokens, then the end of the request. Dropped unread, it drops the request with it."""
    with stack:
        try:
            while (token := context.run(next, tokens, _END)) is not _END:
                yield token
        finally:
            if isinstance(tokens, Generator):
                context.run(tokens.close)


async def _aread(
    stack: AsyncExitStack, context: Context, tokens: AsyncIterator[Any]
) -> AsyncGenerator[Any, None]:
    async with stack:
        try:
            while True:
                token = await asyncio.create_task(_next(tokens), context=context)
                if token is _END:
                    return
                yield token
        finally:
            if isinstance(tokens, AsyncGenerator):
                await asyncio.create_task(_awaited(tokens.aclose()), context=context)


async def _next(tokens: AsyncIterator[Any]) -> Any:
    return await anext(tokens, _END)


async def _awaited(work: Awaitable[T]) -> T:
    return await work


def _close(stack: AsyncExitStack) -> None:
    """End a request that was opened asynchronously, from code that is not asynchronous."""
    thread = Thread(target=lambda: asyncio.run(stack.aclose()))
    thread.start()
    thread.join()
