"""`Target`: one of the things that a query asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Vector: TypeAlias = npt.NDArray[np.float32]
TargetLike: TypeAlias = str | Sequence[float] | npt.NDArray[Any]


@dataclass(frozen=True)
class Target:
    """A query, or one of the several that stand for it."""

    vector: Vector
    """`[d]`."""
    text: str | None = None
    """What was embedded; None where the caller gave the vector."""


def as_targets(given: Any) -> list[TargetLike]:
    """The targets that a caller gave: a text, or a list or array of texts and vectors.

    Raises:
        TypeError, ValueError: if it is none of them, or empty.
    """
    if isinstance(given, str):
        return [given]
    if isinstance(given, np.ndarray) and given.ndim == 2:
        given = [*given]
    wrong = "targets must be texts or vectors [d] in a list, or an array [m, d]; got "
    if isinstance(given, np.ndarray) or not isinstance(given, Sequence):
        shape = f" {given.shape}" if isinstance(given, np.ndarray) else ""
        raise TypeError(f"{wrong}{type(given).__name__}{shape}")
    if len(given) == 0:
        raise ValueError("targets must hold at least one text or vector; got none")
    if all(isinstance(value, int | float) for value in given):
        raise TypeError(f"{wrong}a single vector: put it into a list")
    return [*given]


def checked_vector(values: Any) -> Vector:
    """A query's vector `[d]`.

    Raises:
        ValueError: if it is not one finite vector, or zero: a zero vector asks for nothing.
    """
    vector = np.asarray(values, dtype=np.float32)
    if vector.ndim != 1 or not np.isfinite(vector).all() or not vector.any():
        raise ValueError(
            "a query needs one finite vector that is not zero; got shape "
            f"{vector.shape} with {int((~np.isfinite(vector)).sum())} NaN or infinite values"
        )
    return vector
