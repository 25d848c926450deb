"""`Target`: a vector that stands for a query, with its text if it has one."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from sift_retrievers.arrays import as_numpy, reading

Vector: TypeAlias = npt.NDArray[np.float32]
TargetLike: TypeAlias = str | Sequence[float] | npt.NDArray[Any]

NAME: Final = "the embedding of a query"
MOST: Final = 1_000
"""Targets of one query: each is searched for by itself."""


@dataclass(frozen=True)
class Target:
    """A query, or one of the several that stand for it."""

    vector: Vector
    """`[d]`."""
    text: str | None = None
    """The text that was embedded; None if the caller gave the vector."""


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
    for value in given:
        if not isinstance(value, str | Sequence) and not hasattr(value, "__array__"):
            raise TypeError(f"{wrong}a list that holds {value!r}")
    if len(given) > MOST:
        raise ValueError(f"targets must be at most {MOST}; got {len(given)}")
    return [*given]


def checked_vector(values: Any) -> Vector:
    """A query's vector `[d]`, as an embedding model gave it: a list, an array or a tensor.

    Raises:
        TypeError: if it is not a vector of numbers.
        ValueError: if it is not one finite vector, or if it is zero.
    """
    if inspect.isawaitable(values):
        if inspect.iscoroutine(values):
            values.close()  # nobody will await it
        raise TypeError(
            "the embedding of a query must be a vector; got a coroutine: embed_query must be a "
            "plain function, aembed_query the asynchronous one"
        )
    if type(values) is list and values and type(values[0]) is float:
        # As most models give it; `as_numpy` would look at each value.
        with reading(NAME), np.errstate(over="ignore"):
            vector = np.asarray(values, dtype=np.float32)
    else:
        vector = np.asarray(as_numpy(values, NAME), dtype=np.float32)
    if vector.ndim != 1 or len(vector) == 0 or not np.isfinite(vector).all() or not vector.any():
        raise ValueError(
            "a query needs one finite vector that is not zero; got shape "
            f"{vector.shape} with {int((~np.isfinite(vector)).sum())} NaN or infinite values"
        )
    return vector


def stacked_targets(targets: Sequence[Target]) -> Vector:
    """`[m, d]` the vectors of m targets.

    Raises:
        TypeError: if one is not a `Target` with a numpy array and a string or None.
        ValueError: if there is none, or if the vectors are not `[d]`, of one length.
    """
    for target in targets:
        if not (
            isinstance(target, Target)
            and isinstance(target.vector, np.ndarray)
            and (target.text is None or isinstance(target.text, str))
        ):
            raise TypeError(
                "targets must be Target objects with a numpy array, and a string or None; got "
                f"{target!r}"
            )
    if len(targets) == 0:
        raise ValueError("targets must hold at least one Target; got none")
    shapes = [target.vector.shape for target in targets]
    if len({*shapes}) != 1 or len(shapes[0]) != 1:
        raise ValueError(f"targets must have vectors [d], of one length; got shapes {shapes[:20]}")
    if len(targets) == 1:
        return targets[0].vector[None]
    return np.stack([target.vector for target in targets])
