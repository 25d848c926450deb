"""Checks of single arguments; every message says what came and what was expected."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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
    """A whole number of at least 1 and below 2⁶³, or a ValueError."""
    whole = not isinstance(value, bool) and hasattr(value, "__index__")
    if not whole or not 1 <= value.__index__() < 2**63:
        raise ValueError(f"{name} must be a whole number of at least 1; got {value!r}")
    return int(value)


def flag(value: Any, name: str) -> bool:
    """True or False, or a ValueError."""
    if not isinstance(value, bool) and type(value).__name__ != "bool":  # numpy's is another type
        raise ValueError(f"{name} must be True or False; got {value!r}")
    return bool(value)


def is_cpu(device: str | torch.device | None) -> bool:
    """Whether a device that a caller named is the CPU, which needs no torch; None is."""
    return device is None or str(device).partition(":")[0] == "cpu"


def torch_device(device: str | torch.device) -> torch.device:
    """A device that is there.

    Raises:
        ImportError: without torch.
        ValueError: for a device that torch does not know or see.
    """
    try:
        import torch
    except ImportError as error:
        raise ImportError(
            f"device={str(device)!r} needs torch: pip install 'sift-retrievers[torch]'"
        ) from error
    try:
        resolved = torch.device(device)
    except RuntimeError as error:  # torch's own word for a name that it does not know
        raise ValueError(f"device must be one that torch has: {error}") from error
    if resolved.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"device {str(device)!r} was asked for, but torch sees no CUDA device")
    return resolved
