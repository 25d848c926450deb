"""The calls of some functions that other threads of this process are in at this moment.

Stores in this process change their parts one after the other, without a lock. Between two of them
nothing in the store says that a change is under way; the stack of the writing thread does.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from threading import get_ident
from types import FrameType
from typing import Any


def running_calls(*functions: Any, depth: int | None = None) -> Iterator[FrameType]:
    """The frames of the calls, with their local variables.

    Args:
        *functions: written in Python; what is no such function is passed over.
        depth: frames of a thread that are looked at, from the innermost; None: all.
    """
    codes = {code for f in functions if (code := getattr(f, "__code__", None)) is not None}
    here = get_ident()
    for thread, top in sys._current_frames().items():
        frame: FrameType | None = None if thread == here else top
        seen = 0
        while frame is not None and (depth is None or seen < depth):
            if frame.f_code in codes:
                yield frame
            frame, seen = frame.f_back, seen + 1


def is_only_thread() -> bool:
    """Whether no other thread of this process runs Python."""
    return len(sys._current_frames()) == 1
