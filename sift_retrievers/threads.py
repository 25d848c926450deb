"""`Threads`: a pool of threads for calls to one store or one model.

A call that hangs occupies its thread for ever. So each store and each model has a pool of its own
(`threads_of`): if one hangs, only its own users wait.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import Context, copy_context
from threading import Condition, Thread
from typing import Any, Final, TypeVar
from weakref import ref

from sift_retrievers.forking import repair_after_fork

T = TypeVar("T")

SIZE: Final = 64
"""Calls of one store or one model that may run at the same time; further calls wait."""
IDLE_SECONDS: Final = 10.0
"""A thread ends after so long without a call."""


class Threads:
    """At most `size` threads, started when they are needed.

    The threads are daemons: unlike those of `concurrent.futures`, a call that hangs does not keep
    the process from ending.
    """

    def __init__(self, size: int = SIZE, idle_seconds: float = IDLE_SECONDS) -> None:
        """Run at most `size` calls at the same time; a thread ends after `idle_seconds` unused.

        Raises:
            ValueError: for a size that is no whole number of at least 1.
        """
        if not (isinstance(size, int) and size >= 1):
            raise ValueError(f"size must be a whole number of at least 1; got {size!r}")
        self.size, self.idle_seconds = size, idle_seconds
        self._begin()
        repair_after_fork(self)

    def _begin(self) -> None:
        self._changed = Condition()
        self._waiting: deque[_Call] = deque()
        self._threads = self._idle = 0

    def submit(self, function: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Call a function in one of the threads, with the context variables of the caller."""
        call = _Call(copy_context(), function, args, kwargs)
        with self._changed:
            self._waiting.append(call)
            if self._idle >= len(self._waiting):
                self._changed.notify()
            elif self._threads < self.size:
                self._threads += 1
                Thread(target=self._work, name="sift", daemon=True).start()
        return call.future

    def _work(self) -> None:
        while True:
            with self._changed:
                if not self._waiting:
                    self._idle += 1
                    self._changed.wait(self.idle_seconds)
                    self._idle -= 1
                if not self._waiting:
                    self._threads -= 1
                    return
                call = self._waiting.popleft()
            call.run()
            del call  # the thread must not keep alive what the call returned

    def end_when_idle(self) -> None:
        """Let every thread end as soon as there is no call for it, since no more will come."""
        self.idle_seconds = 0.0
        with self._changed:
            self._changed.notify_all()

    def after_fork(self) -> None:
        """In a forked process none of the threads exists."""
        self._begin()


class _Call:
    def __init__(
        self,
        context: Context,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> None:
        self.future: Future[Any] = Future()
        self._made = context, function, args, kwargs

    def run(self) -> None:
        if not self.future.set_running_or_notify_cancel():
            return
        context, function, args, kwargs = self._made
        try:
            result = context.run(function, *args, **kwargs)
        except StopIteration as error:  # asyncio's futures refuse it: whoever awaits would hang
            raised = RuntimeError(f"{function!r} raised StopIteration")
            raised.__cause__ = error
            self.future.set_exception(raised)
        except BaseException as error:  # whatever it is, the caller gets it
            self.future.set_exception(error)
        else:
            self.future.set_result(result)


_OF: Final[dict[int, tuple[Callable[[], object], Threads]]] = {}


def threads_of(owner: object) -> Threads:
    """The threads of a store or a model, the same for all who use it.

    An owner that cannot be weakly referenced gets a new pool at every call.
    """
    known = _OF.get(id(owner))
    if known is not None and known[0]() is owner:
        return known[1]
    threads, key = Threads(), id(owner)

    def gone(_: object) -> None:
        _OF.pop(key, None)
        threads.end_when_idle()

    try:
        _OF[key] = ref(owner, gone), threads
    except TypeError:
        threads.end_when_idle()
    return threads
