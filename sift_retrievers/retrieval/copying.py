"""Copies of what belongs to somebody else."""

from __future__ import annotations

from copy import deepcopy
from typing import Any


def deep_copied(value: Any) -> Any:
    """A deep copy, or the object itself where it cannot be copied (a lock, a connection)."""
    try:
        return deepcopy(value)
    except Exception:  # whatever its __deepcopy__ raises, the passage is wanted
        return value
