"""How the steps of a retrieval are run: in the caller's thread, or beside an event loop.

A retrieval is written once, as a coroutine that hands each call of a store or a model to a `Work`.
`Direct` makes the calls in the calling thread, so that the coroutine never waits and `finished` can
return its result. `OnLoop` awaits the asynchronous call if there is one, and else uses a thread.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from concurrent.futures import Future
from dis import get_instructions
from functools import cache
from inspect import isawaitable, iscoroutine, iscoroutinefunction, unwrap
from types import CodeType
from typing import Any, Final, NoReturn, TypeVar

from sift_retrievers.retrieval.deadline import Deadline
from sift_retrievers.threads import threads_of

T = TypeVar("T")


class SelectionThreads:
    """Owns the threads in which passages are chosen."""


SELECTION: Final = SelectionThreads()
"""The `owner` of calls that use neither a store nor a model."""


class Work(ABC):
    """Makes the calls of one retrieval, within a time limit."""

    def __init__(self, timeout: float | Deadline | None = None) -> None:
        """Limit the time of all calls together.

        Args:
            timeout: seconds from now, or a deadline that other retrievals share; None: no limit.
        """
        self._deadline = Deadline.of(timeout)

    @abstractmethod
    async def call(
        self,
        stage: str,
        owner: object,
        function: Callable[..., T],
        /,
        *args: Any,
        native: Callable[..., Awaitable[T]] | None = None,
        **kwargs: Any,
    ) -> T:
        """Call a function that may wait for something.

        Args:
            stage: what the call is for, as an error names it: "embed", "fetch", …
            owner: the store or model that is called.
            function: the call.
            *args: of the call.
            native: the asynchronous version of the call, if there is one that does not block the
                event loop.
            **kwargs: of the call.

        Raises:
            TimeoutError: if the time of the retrieval is over; the message names the stage.
            TypeError: if the function is a coroutine function, and there is no event loop.
        """

    @abstractmethod
    async def together(self, steps: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
        """The results of several steps.

        If one fails, its exception is raised, and the others are cancelled.
        """

    def _time_for(self, stage: str, owner: object) -> float | None:
        """Seconds that a call may take; None: there is no limit.

        Raises:
            TimeoutError: if no time is left.
        """
        if self._deadline is None:
            return None
        left = self._deadline.left()
        if left == 0.0:
            self._too_late(stage, f"with no time left to call {name_of(owner)}")
        return left

    def _no_result(self, stage: str, owner: object, future: Future[Any] | None) -> NoReturn:
        """Raise the error for a call that did not return in time; the call itself may go on."""
        name = name_of(owner)
        if future is not None and (future.cancelled() or future.cancel()):  # it never began
            most = threads_of(owner).size
            name = f"a thread in which to call {name} (at most {most} at once)"
        self._too_late(stage, f"waiting for {name}")

    def _too_late(self, stage: str, why: str) -> NoReturn:
        assert self._deadline is not None
        raise TimeoutError(
            f"the retrieval did not end within its timeout of {self._deadline.timeout:g} seconds: "
            f"it was at the stage {stage!r}, {why}"
        )


class Direct(Work):
    """Makes the calls in the caller's thread, or, with a time limit, in a thread of the owner."""

    async def call(
        self,
        stage: str,
        owner: object,
        function: Callable[..., T],
        /,
        *args: Any,
        native: Callable[..., Awaitable[T]] | None = None,  # noqa: ARG002  # waits for nothing
        **kwargs: Any,
    ) -> T:
        left = self._time_for(stage, owner)
        if left is None:
            return _no_coroutine(stage, owner, function(*args, **kwargs))
        future = threads_of(owner).submit(function, *args, **kwargs)
        try:
            return _no_coroutine(stage, owner, future.result(left))
        except TimeoutError:
            if future.done():  # the call's own
                raise
            self._no_result(stage, owner, future)

    async def together(self, steps: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
        try:
            return [await step for step in steps]
        finally:
            for step in steps:
                step.close()  # those after one that failed were never awaited


class OnLoop(Work):
    """Awaits the asynchronous calls, and makes the others in threads of their owners."""

    async def call(
        self,
        stage: str,
        owner: object,
        function: Callable[..., T],
        /,
        *args: Any,
        native: Callable[..., Awaitable[T]] | None = None,
        **kwargs: Any,
    ) -> T:
        left = self._time_for(stage, owner)
        future: Future[T] | None = None
        if native is None:
            future = threads_of(owner).submit(function, *args, **kwargs)
        waiting = asyncio.wrap_future(future) if future else native(*args, **kwargs)  # type: ignore[misc]
        if not isawaitable(waiting):
            raise TypeError(
                f"at the stage {stage!r} an asynchronous method of {name_of(owner)} returned "
                f"{type(waiting).__name__}, which cannot be awaited: it must be an async function"
            )
        try:
            async with asyncio.timeout(left) as limit:
                result: Any = await waiting
                return await result if iscoroutine(result) else result  # type: ignore[no-any-return]
        except TimeoutError:
            if not limit.expired():  # the call's own
                raise
            self._no_result(stage, owner, future)

    async def together(self, steps: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
        if len(steps) == 1:
            return [await steps[0]]
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(step) for step in steps]
        except BaseExceptionGroup as errors:
            first = errors.exceptions[0]
        else:
            return [task.result() for task in tasks]
        raise first  # as a single step would; here, so that its own cause stays


def _no_coroutine(stage: str, owner: object, result: T) -> T:
    """The result of a function; a TypeError if the function was a coroutine function."""
    if iscoroutine(result):
        result.close()
        raise TypeError(
            f"at the stage {stage!r} a function of {name_of(owner)} returned a coroutine: it "
            "must be a plain function, or the retriever be called by an asynchronous method"
        )
    return result


def name_of(owner: object) -> str:
    """How an error names a store, a model or a function."""
    return getattr(owner, "__qualname__", type(owner).__name__)


def finished(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that never waits, as those that work with `Direct`."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    coroutine.close()
    raise RuntimeError(f"{coroutine!r} waited for something that only a loop can give")


def native(thing: object, method: str) -> Callable[..., Awaitable[Any]] | None:
    """The asynchronous method of an object, if it really is asynchronous; else None.

    Many frameworks give every class an asynchronous method that makes the synchronous call on the
    event loop, or hands it to the loop's default executor. The first kind is recognised because it
    awaits nothing, the second because it is defined in a base class of the framework.
    """
    function = getattr(type(thing), method, None)
    bound = getattr(thing, method, None)
    if function is None or bound is None or _is_default(function):
        return None
    plain = unwrap(function)
    if not iscoroutinefunction(plain) or _awaits(plain):
        found: Callable[..., Awaitable[Any]] = bound
        return found
    return None


DEFAULTS: Final = ("langchain_core.", "llama_index.core.base.", "llama_index.core.vector_stores.")
"""Modules of the frameworks' base classes, and of their own stores, which are in memory."""


def _is_default(function: Any) -> bool:
    return f"{getattr(function, '__module__', '')}.".startswith(DEFAULTS)


def _awaits(function: Callable[..., Any]) -> bool:
    """Whether a coroutine function awaits anything."""
    code = getattr(function, "__code__", None)
    return code is None or _has_await(code)  # compiled functions cannot be inspected


@cache
def _has_await(code: CodeType) -> bool:
    return any(i.opname in ("GET_AWAITABLE", "GET_AITER") for i in get_instructions(code))
