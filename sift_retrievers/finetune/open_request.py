"""`OpenRequest`: what a request holds while it is open. `AsyncRequest`: one in a coroutine."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from threading import Lock, Thread
from time import perf_counter
from types import TracebackType
from typing import TYPE_CHECKING, Any
from weakref import finalize

from sift_retrievers.finetune.current_session import (
    check_outside_session,
    enter_session,
    held_turns,
    leave_session,
)
from sift_retrievers.finetune.worker_threads import run_in_thread, wait_for_thread

if TYPE_CHECKING:
    from sift_retrievers.finetune.model_guard import ModelGuard
    from sift_retrievers.finetune.model_lock import ModelLock
    from sift_retrievers.finetune.session import Session
    from sift_retrievers.finetune.tuner import TestTimeTuner
    from sift_retrievers.finetune.turn import Turn


class OpenRequest:
    """The lock of a model, held, and the session once it has begun.

    `end` works once, in any thread, so the block of the request, the garbage collector and the next
    request in the queue may all call it.
    """

    def __init__(self, guard: ModelGuard, lock: ModelLock, turn: Turn) -> None:
        self.turn = turn
        self.session: Session | None = None
        self.abandoned = False
        """Whether the request was ended from outside, because its event loop was closed."""
        self._guard, self._lock = guard, lock
        self._changing = Lock()
        self._ended = False
        turn.end_request = self.abandon

    def begin(self, queue_seconds: float, tuned: bool) -> Session:
        """Start the session.

        Raises:
            PoisonedError: if an earlier session could not be undone.
            RuntimeError: if the request was abandoned.
        """
        with self._changing:
            self.check_not_abandoned()
            self.session = self._guard.begin(queue_seconds, tuned)
            return self.session

    def end(self) -> None:
        """End the session and release the lock. Errors are those of `ModelGuard.end`."""
        with self._changing:
            if self._ended:
                return
            self._ended = True
            try:
                if self.session is not None:
                    self._guard.end(self.session)
            finally:
                self._lock.release(self.turn)

    def abandon(self) -> None:
        """As `end`, if the block of the request can never end it."""
        with self._changing:
            self.abandoned = self.abandoned or not self._ended
        self.end()

    def abandon_in_thread(self) -> None:
        """As `abandon`, without waiting. The garbage collector may call this in any thread."""
        Thread(target=self.abandon, name="sift-abandoned-request").start()

    def check_not_abandoned(self) -> None:
        """Raise a RuntimeError if the request was abandoned."""
        if self.abandoned:
            raise RuntimeError(
                "this request was ended before its answer was complete, because its event loop was "
                "closed: read a stream in the event loop in which it was begun"
            )


class AsyncRequest(AbstractAsyncContextManager["Session"]):
    """What `TestTimeTuner.arequest` and `asession` return.

    The model is given back even if the event loop closes before the block ends. This is a class
    because `asyncio.run` closes all open async generators at the same time at its end, inner ones
    before outer ones.
    """

    def __init__(
        self,
        tuner: TestTimeTuner,
        guard: ModelGuard,
        lock: ModelLock,
        *,
        tuned: bool,
        train: Callable[[Session], Awaitable[Any]] | None = None,
    ) -> None:
        """Prepare a request.

        Args:
            tuner: of the model.
            guard: of the model.
            lock: of the model.
            tuned: see `TestTimeTuner.request`.
            train: called with the session when it is open.
        """
        self._tuner, self._guard, self._lock = tuner, guard, lock
        self._tuned, self._train = tuned, train
        self._request: OpenRequest | None = None

    async def __aenter__(self) -> Session:
        check_outside_session(self._tuner)
        start = perf_counter()
        timeout = self._tuner.settings.queue_timeout
        turn = await self._lock.acquire_async(timeout, held_turns())
        request = self._request = OpenRequest(self._guard, self._lock, turn)
        self._dropped = finalize(self, request.abandon_in_thread)
        self._dropped.atexit = False
        try:
            queue_seconds = perf_counter() - start
            session = await wait_for_thread(
                run_in_thread(request.begin, queue_seconds, self._tuned)
            )
            enter_session(self._tuner, request)
            if self._train is not None:
                await self._train(session)
        except BaseException:
            await self._end(request)
            raise
        return session

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        request = self._request
        if request is None or request.session is None:
            raise RuntimeError("the request was not entered")
        await self._end(request)
        if error is None:
            request.check_not_abandoned()
            request.session.generations.raise_stream_error()

    def outlive_loop(self) -> None:
        """Keep the request open when the event loop closes, for a stream that needs no loop."""
        if self._request is not None:
            self._request.turn.outlive_loop()

    async def _end(self, request: OpenRequest) -> None:
        leave_session(self._tuner, request)
        try:
            asyncio.get_running_loop()
        except RuntimeError:  # Python destroys a coroutine whose loop was closed
            return  # and this object with it, see `_dropped`
        self._dropped.detach()
        await wait_for_thread(run_in_thread(request.end))
