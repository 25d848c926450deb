"""Repairs of locks and threads in a forked process: only the forking thread lives on there."""

from __future__ import annotations

import os
from typing import Final, Protocol
from weakref import WeakSet


class Forked(Protocol):
    """An object with a lock, and data that the lock protects."""

    def after_fork(self) -> None:
        """Called in the child: make a new lock, and empty the data if the old lock was held.

        The thread that held the lock is not in the child: it can neither finish nor release it.
        """


_ALL: Final[WeakSet[Forked]] = WeakSet()


def repair_after_fork(thing: Forked) -> None:
    """Have `thing.after_fork()` called in every process that is forked from now on."""
    _ALL.add(thing)


def _in_child() -> None:
    for thing in _ALL:
        thing.after_fork()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_in_child)
