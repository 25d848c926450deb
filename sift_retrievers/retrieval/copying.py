"""`deep_copied`: copies of metadata, so that a caller never writes into the store's own."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, Final

IMMUTABLE: Final = frozenset({str, int, float, bool, type(None)})


def deep_copied(value: Any) -> Any:
    """A deep copy, or the object itself where it cannot be copied (a lock, a connection)."""
    if type(value) in IMMUTABLE:
        return value
    try:
        return deepcopy(value)
    except Exception:  # its __deepcopy__ may raise anything, and the passage is still returned
        return value
