"""`ModelLock`: one request at a time on a model, first come, first served."""

from __future__ import annotations

import asyncio
import gc
from collections import deque
from collections.abc import Collection, Iterator
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import contextmanager
from math import inf
from threading import RLock, Thread
from time import monotonic
from typing import Final
from weakref import WeakKeyDictionary

from torch import nn

from sift_retrievers.finetune.errors import DeadlockError, QueueTimeoutError
from sift_retrievers.finetune.turn import Turn
from sift_retrievers.finetune.worker_threads import run_in_thread, wait_for_thread

POLL_SECONDS: Final = 0.5
"""How often a waiting request checks whether the event loop of the holder was closed."""
COLLECT_SECONDS: Final = 5.0
"""After this wait, a request runs the garbage collector, once: the holder may be a stream that was
dropped in a reference cycle, and while all threads wait, nothing else starts the collector."""

# One for all locks, because a deadlock involves several. Reentrant, because the garbage collector
# may end a dropped stream, and so release a lock, while this thread changes another one.
_state = RLock()
_waiting: set[Turn] = set()


class ModelLock:
    """A lock that threads and coroutines wait for in one queue.

    The lock belongs to no thread: it may be released by another thread than the one that acquired
    it. Streams need this, because they may end in another thread than they began in. If the event
    loop of a holder was closed, the next in the queue ends the holder's request.
    """

    def __init__(self, name: str = "the model") -> None:
        """Make a lock that nobody holds; `name` is that of the model, for errors."""
        self.name = name
        self._holder: Turn | None = None
        self._queue: deque[Turn] = deque()

    @property
    def held(self) -> bool:
        """Whether the lock is taken."""
        return self._holder is not None

    def acquire(self, timeout: float | None = None, holding: Collection[Turn] = ()) -> Turn:
        """Wait for the lock, and block the thread meanwhile.

        Args:
            timeout: in seconds; None: wait forever.
            holding: turns at other models that the caller keeps while it waits.

        Returns:
            The caller's turn, to be released.

        Raises:
            QueueTimeoutError: after `timeout` seconds.
            DeadlockError: if the holder of this lock waits for one of `holding`.
        """
        turn = self._join_queue(holding)
        deadline = None if timeout is None else monotonic() + timeout
        collect_at = monotonic() + COLLECT_SECONDS
        try:
            while True:
                try:
                    turn.granted.result(_next_wait(deadline))
                    return turn
                except FutureTimeout:
                    self._check_deadline(deadline, timeout)
                    self._free_if_abandoned()
                    if monotonic() > collect_at:
                        collect_at = inf
                        gc.collect()
        except BaseException:
            self._leave_queue(turn)
            raise

    async def acquire_async(
        self, timeout: float | None = None, holding: Collection[Turn] = ()
    ) -> Turn:
        """Async version of `acquire`."""
        turn = self._join_queue(holding, asyncio.get_running_loop())
        deadline = None if timeout is None else monotonic() + timeout
        collect_at = monotonic() + COLLECT_SECONDS
        try:
            granted = asyncio.wrap_future(turn.granted)
            while not granted.done():
                await asyncio.wait({granted}, timeout=_next_wait(deadline))
                if not granted.done():
                    self._check_deadline(deadline, timeout)
                    self._free_if_abandoned()
                    if monotonic() > collect_at:
                        collect_at = inf
                        await wait_for_thread(run_in_thread(gc.collect))
            return turn
        except BaseException:
            self._leave_queue(turn)
            raise

    @contextmanager
    def hold(self, timeout: float | None = None, holding: Collection[Turn] = ()) -> Iterator[Turn]:
        """Acquire the lock, and release it at the end of the block."""
        turn = self.acquire(timeout, holding)
        try:
            yield turn
        finally:
            self.release(turn)

    def release(self, turn: Turn) -> None:
        """Give the lock to the first in the queue.

        Raises:
            RuntimeError: if `turn` does not hold the lock.
        """
        with _state:
            if self._holder is not turn:
                raise RuntimeError("the lock of the model was released, but is not held")
            self._holder = None
            self._grant_next()

    def _join_queue(
        self, holding: Collection[Turn], loop: asyncio.AbstractEventLoop | None = None
    ) -> Turn:
        turn = Turn(holding, loop)
        with _state:
            self._check_deadlock(holding)
            self._queue.append(turn)
            turn.waits_for = self
            _waiting.add(turn)
            self._grant_next()
        self._free_if_abandoned()
        return turn

    def _leave_queue(self, turn: Turn) -> None:
        """Give up a place in the queue, or the lock itself if it was given at this moment."""
        with _state:
            _waiting.discard(turn)
            if turn in self._queue:
                self._queue.remove(turn)
            elif self._holder is turn:
                self._holder = None
                self._grant_next()

    def _grant_next(self) -> None:
        while self._holder is None and self._queue:
            turn = self._queue.popleft()
            _waiting.discard(turn)
            if not turn.abandoned:
                self._holder = turn
                turn.granted.set_result(None)

    def _free_if_abandoned(self) -> None:
        """End the holder's request if the event loop of the holder was closed."""
        with _state:
            holder = self._holder
            if holder is None or not holder.abandoned:
                return
            holder.outlive_loop()  # so that this happens once
            end = holder.end_request
            if end is None:  # the lock was given, but the loop closed before anything was done
                self._holder = None
                self._grant_next()
                return
        Thread(target=end, name="sift-abandoned-request").start()

    def _check_deadline(self, deadline: float | None, timeout: float | None) -> None:
        if deadline is not None and monotonic() >= deadline:
            raise QueueTimeoutError(
                f"the model was busy with other requests for {timeout} s: raise queue_timeout, or "
                "send fewer requests at once. A stream holds the model until it is read to its end "
                "or closed"
            )

    def _check_deadlock(self, holding: Collection[Turn]) -> None:
        """Follow the chain of holders that wait for other locks.

        Raises:
            DeadlockError: if it leads to a turn that the caller holds.
        """
        seen: set[ModelLock] = set()
        locks: list[ModelLock] = [self]
        while locks:
            lock = locks.pop()
            holder = lock._holder
            if holder is None or lock in seen:
                continue
            seen.add(lock)
            if holder in holding:
                raise DeadlockError(
                    f"this request holds {lock.name} and needs {self.name}, while a request that "
                    f"holds {self.name} waits for {lock.name}: both would wait forever. Open the "
                    "sessions of these two models in the same order everywhere"
                )
            locks += [
                turn.waits_for
                for turn in tuple(_waiting)
                if holder in turn.holding and turn.waits_for is not None
            ]


_locks: WeakKeyDictionary[nn.Module, ModelLock] = WeakKeyDictionary()


def lock_of(model: nn.Module) -> ModelLock:
    """Return the one lock of a model object; a model and its `torch.compile` version share it."""
    model = getattr(model, "_orig_mod", model)
    path = getattr(model, "name_or_path", "")
    name = type(model).__name__ + (f" ({path})" if path else "")
    with _state:
        return _locks.setdefault(model, ModelLock(name))


def _next_wait(deadline: float | None) -> float:
    return POLL_SECONDS if deadline is None else max(0, min(POLL_SECONDS, deadline - monotonic()))
