"""Checks of single arguments. Every message says what was given and what was expected."""

from __future__ import annotations

import math
import operator
import re
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch


def is_switch(value: Any) -> bool:
    """Whether a value is True or False. Where a number is wanted, that is a misunderstanding."""
    return isinstance(value, bool | np.bool_)


def _number(value: Any, name: str, expected: str) -> float:
    """A number, perhaps infinite, or a ValueError that says what was expected."""
    try:
        if is_switch(value):
            raise TypeError
        return float(value)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be {expected}; got {value!r}") from None
    except OverflowError:  # a whole number that no float holds
        return math.inf


def finite(value: Any, name: str) -> float:
    """A finite number, or a ValueError."""
    number = _number(value, name, "a number")
    if not math.isfinite(number):
        raise ValueError(f"{name} must be finite; got {value!r}")
    return number


def positive(value: Any, name: str) -> float:
    """A positive finite number, or a ValueError."""
    number = _number(value, name, "a positive number")
    if not (math.isfinite(number) and number > 0):
        raise ValueError(f"{name} must be positive and finite; got {value!r}")
    return number


def chance(value: Any, name: str) -> float:
    """A number from 0 to 1, or a ValueError."""
    number = _number(value, name, "a number from 0 to 1")
    if not 0 <= number <= 1:
        raise ValueError(f"{name} must be from 0 to 1; got {value!r}")
    return number


def count(value: Any, name: str, *, smallest: int = 1, largest: int | None = 2**63 - 1) -> int:
    """A whole number from `smallest` to `largest` (None: as large as you like), or a ValueError."""
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = None
    if number is None or number < smallest:
        raise ValueError(f"{name} must be a whole number of at least {smallest}; got {value!r}")
    if largest is not None and number > largest:
        raise ValueError(f"{name} must be at most {largest}; got {value!r}")
    return number


def flag(value: Any, name: str) -> bool:
    """True or False, or a ValueError."""
    if not isinstance(value, bool) and type(value).__name__ != "bool":  # numpy's is another type
        raise ValueError(f"{name} must be True or False; got {value!r}")
    return bool(value)


def is_cpu(device: str | torch.device | None) -> bool:
    """Whether a device that a caller named is the CPU, which needs no torch; None is."""
    return device is None or re.fullmatch(r"cpu(:\d+)?", str(device)) is not None


def torch_device(device: str | torch.device) -> torch.device:
    """A device that can be used.

    Raises:
        ImportError: without torch.
        ValueError: for a device that torch does not know or cannot use, or that holds no values.
    """
    try:
        import torch
    except ImportError as error:
        raise ImportError(
            f"device={str(device)!r} needs torch: pip install 'sift-retrievers[torch]'"
        ) from error
    try:
        if isinstance(device, bool):
            raise TypeError("a device is a name, a torch.device, or a number")
        resolved = torch.device(device)
    except (RuntimeError, TypeError) as error:  # what torch raises for a device it does not know
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"device must be one that torch has, 'cpu' or 'cuda' say; got {device!r}: {reason}"
        ) from error
    if resolved.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"device {str(device)!r} was asked for, but torch sees no CUDA device")
    if resolved.type == "meta":
        raise ValueError("device 'meta' holds no values; pass 'cpu' or 'cuda', say")
    try:
        torch.empty(1, device=resolved)
    except (RuntimeError, NotImplementedError, AssertionError, ImportError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"device {str(device)!r} was asked for, but torch cannot use it: {reason}"
        ) from error
    return resolved
