"""`ModelLock`: one request at a time on a model, first come, first served."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import contextmanager
from threading import Lock
from weakref import WeakKeyDictionary

from torch import nn

from sift_retrievers.finetune.errors import QueueTimeoutError


class ModelLock:
    """A lock that threads and coroutines wait for in one queue.

    The lock belongs to no thread: it may be released by another thread than the one that acquired
    it. Streams need this, because they may end in another thread than they began in.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._held = False
        self._waiting: deque[Future[None]] = deque()

    @property
    def held(self) -> bool:
        """Whether the lock is taken."""
        return self._held

    def acquire(self, timeout: float | None = None) -> None:
        """Wait for the lock, and block the thread meanwhile.

        Raises:
            QueueTimeoutError: after `timeout` seconds.
        """
        turn = self._join_queue()
        try:
            turn.result(timeout)
        except BaseException as error:
            self._leave_queue(turn)
            if isinstance(error, FutureTimeout):
                raise _timeout_error(timeout) from None
            raise

    @contextmanager
    def hold(self, timeout: float | None = None) -> Iterator[None]:
        """Acquire the lock, and release it at the end of the block."""
        self.acquire(timeout)
        try:
            yield
        finally:
            self.release()

    async def acquire_async(self, timeout: float | None = None) -> None:
        """Async version of `acquire`."""
        turn = self._join_queue()
        try:
            await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(turn)), timeout)
        except BaseException as error:
            self._leave_queue(turn)
            if isinstance(error, TimeoutError):
                raise _timeout_error(timeout) from None
            raise

    def release(self) -> None:
        """Give the lock to the first in the queue.

        Raises:
            RuntimeError: if the lock is not held.
        """
        with self._lock:
            if not self._held:
                raise RuntimeError("the lock of the model was released, but is not held")
            self._pass_on()

    def _join_queue(self) -> Future[None]:
        turn: Future[None] = Future()
        with self._lock:
            if self._held:
                self._waiting.append(turn)
            else:
                self._held = True
                turn.set_result(None)
        return turn

    def _leave_queue(self, turn: Future[None]) -> None:
        """Give up a place in the queue, or the lock itself if it was given at this moment."""
        with self._lock:
            if turn in self._waiting:
                self._waiting.remove(turn)
            else:
                self._pass_on()

    def _pass_on(self) -> None:
        if self._waiting:
            self._waiting.popleft().set_result(None)
        else:
            self._held = False


_locks: WeakKeyDictionary[nn.Module, ModelLock] = WeakKeyDictionary()
_creating = Lock()


def lock_of(model: nn.Module) -> ModelLock:
    """Return the one lock of a model object; a model and its `torch.compile` version share it."""
    model = getattr(model, "_orig_mod", model)
    with _creating:
        return _locks.setdefault(model, ModelLock())


def _timeout_error(timeout: float | None) -> QueueTimeoutError:
    return QueueTimeoutError(
        f"the model was busy with other requests for {timeout} s: raise queue_timeout, or send "
        "fewer requests at once. A stream holds the model until it is read to its end or closed"
    )
