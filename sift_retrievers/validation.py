"""Checks of single arguments; every message says what came and what was expected."""

from __future__ import annotations

import math
from typing import Any

import torch


def positive(value: Any, name: str) -> float:
    """A positive finite number, or a ValueError."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be a positive number; got {value!r}") from None
    if not (math.isfinite(number) and number > 0):
        raise ValueError(f"{name} must be positive and finite; got {value!r}")
    return number


def chance(value: Any, name: str) -> float:
    """A number from 0 to 1, or a ValueError."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be a number from 0 to 1; got {value!r}") from None
    if not 0 <= number <= 1:
        raise ValueError(f"{name} must be from 0 to 1; got {value!r}")
    return number


def count(value: Any, name: str) -> int:
    """A whole number of at least 1, or a ValueError."""
    whole = not isinstance(value, bool) and hasattr(value, "__index__")
    if not whole or value.__index__() < 1:
        raise ValueError(f"{name} must be a whole number of at least 1; got {value!r}")
    return int(value)


def torch_device(device: str | torch.device) -> torch.device:
    """A device that is there, or a ValueError."""
    resolved = torch.device(device)
    if resolved.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"device {str(device)!r} was asked for, but torch sees no CUDA device")
    return resolved
