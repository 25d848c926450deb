"""What must be set right in a forked process, where the other threads of its parent are not."""

from __future__ import annotations

import os
from typing import Final, Protocol
from weakref import WeakSet


class Forked(Protocol):
    """Holds a lock, and what the lock protects."""

    def after_fork(self) -> None:
        """In the child: nobody is left who could release the lock, or end what it began under it.

        A new lock; and what the old one protected is emptied if it was held.
        """


_ALL: Final[WeakSet[Forked]] = WeakSet()


def set_right_after_fork(thing: Forked) -> None:
    """Call `thing.after_fork()` in every process that is forked from now on."""
    _ALL.add(thing)


def _in_child() -> None:
    for thing in _ALL:
        thing.after_fork()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_in_child)
