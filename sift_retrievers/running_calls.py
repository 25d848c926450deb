"""Finds the calls of given functions that other threads of this process are executing right now.

A store in this process changes its parts one after the other, without a lock. In between, nothing
in the store shows that a change is under way; the stack of the writing thread does.
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
        *functions: functions written in Python; other objects are ignored.
        depth: frames of each thread to look at, from the innermost; None: all.
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
