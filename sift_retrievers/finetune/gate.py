"""`Gate`: one request at a time on a model, first come, first served."""

from __future__ import annotations

import asyncio
from collections import deque
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from threading import Lock
from weakref import WeakKeyDictionary

from torch import nn


class QueueTimeoutError(TimeoutError):
    """The model was busy with other requests for longer than the caller wanted to wait."""


class Gate:
    """A lock that threads and coroutines wait for in one queue.

    It belongs to no thread: whoever holds it may release it from another one, as a stream does that
    is begun in one thread and ends in another.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._held = False
        self._waiting: deque[Future[None]] = deque()

    @property
    def held(self) -> bool:
        """Whether somebody is inside."""
        return self._held

    def acquire(self, timeout: float | None = None) -> None:
        """Wait for the turn, in this thread.

        Raises:
            QueueTimeoutError: after `timeout` seconds.
        """
        turn = self._line_up()
        try:
            turn.result(timeout)
        except BaseException as error:
            self._leave(turn)
            if isinstance(error, FutureTimeout):
                raise _too_late(timeout) from None
            raise

    async def acquire_async(self, timeout: float | None = None) -> None:
        """Wait for the turn without blocking the event loop.

        Raises:
            QueueTimeoutError: after `timeout` seconds.
        """
        turn = self._line_up()
        try:
            await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(turn)), timeout)
        except BaseException as error:
            self._leave(turn)
            if isinstance(error, TimeoutError):
                raise _too_late(timeout) from None
            raise

    def release(self) -> None:
        """Let the next one in.

        Raises:
            RuntimeError: if nobody is inside.
        """
        with self._lock:
            if not self._held:
                raise RuntimeError("release of a gate that nobody holds")
            self._let_next_in()

    def _line_up(self) -> Future[None]:
        turn: Future[None] = Future()
        with self._lock:
            if self._held:
                self._waiting.append(turn)
            else:
                self._held = True
                turn.set_result(None)
        return turn

    def _leave(self, turn: Future[None]) -> None:
        """Give up a place in the queue, or the turn itself, if it came at that very moment."""
        with self._lock:
            if turn in self._waiting:
                self._waiting.remove(turn)
            else:
                self._let_next_in()

    def _let_next_in(self) -> None:
        if self._waiting:
            self._waiting.popleft().set_result(None)
        else:
            self._held = False


_gates: WeakKeyDictionary[nn.Module, Gate] = WeakKeyDictionary()
_gates_lock = Lock()


def gate_of(model: nn.Module) -> Gate:
    """The one gate of a model object, compiled by torch or not."""
    model = getattr(model, "_orig_mod", model)
    with _gates_lock:
        return _gates.setdefault(model, Gate())


def _too_late(timeout: float | None) -> QueueTimeoutError:
    return QueueTimeoutError(
        f"the model was busy with other requests for {timeout} s: raise queue_timeout, or send "
        "fewer requests at once. A stream holds the model until it is read to its end or closed"
    )
