"""`Deadline`: when the calls of one retrieval, or of several together, must have ended."""

from __future__ import annotations

from dataclasses import dataclass
from threading import TIMEOUT_MAX
from time import monotonic
from typing import Any

from sift_retrievers.validation import positive


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment, with the timeout that led to it."""

    timeout: float
    """Seconds, as the caller gave them."""
    end: float
    """On the clock `time.monotonic`."""

    @classmethod
    def of(cls, timeout: float | Deadline | None) -> Deadline | None:
        """The moment `timeout` seconds from now; a deadline or None is returned as it is."""
        if timeout is None or isinstance(timeout, Deadline):
            return timeout
        return cls(timeout, monotonic() + timeout)

    def left(self) -> float:
        """Seconds until then, 0 or more."""
        return min(max(self.end - monotonic(), 0.0), TIMEOUT_MAX)


def checked_timeout(timeout: Any) -> float | None:
    """Seconds, or None.

    Raises:
        ValueError: for anything but a positive number or None.
    """
    return None if timeout is None else positive(timeout, "timeout")
