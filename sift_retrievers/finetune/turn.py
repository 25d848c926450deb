"""`Turn`: a request's place in the queue of a model."""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections.abc import Callable, Collection
from concurrent.futures import Future
from typing import TYPE_CHECKING
from weakref import ref

if TYPE_CHECKING:
    from sift_retrievers.finetune.model_lock import ModelLock


class Turn:
    """A place in the queue of a `ModelLock`, and once it is granted, the hold on the model."""

    def __init__(self, holding: Collection[Turn], loop: AbstractEventLoop | None) -> None:
        """Make a turn that is not yet in a queue.

        Args:
            holding: turns at other models that the waiting code keeps meanwhile.
            loop: the event loop that the waiting code runs in; None for a thread.
        """
        self.holding = frozenset(holding)
        self.granted: Future[None] = Future()
        """Done once the turn has come."""
        self.waits_for: ModelLock | None = None
        self.end_request: Callable[[], None] | None = None
        """Restores the model and releases the lock. Called if the event loop was closed."""
        self._loop = None if loop is None else ref(loop)

    @property
    def abandoned(self) -> bool:
        """Whether the code that the turn belongs to cannot go on, as its event loop was closed."""
        if self._loop is None:
            return False
        loop = self._loop()
        return loop is None or loop.is_closed()

    def outlive_loop(self) -> None:
        """Keep the turn even if the event loop is closed."""
        self._loop = None
