"""`Hits`: the nearest documents of a query, with the vectors that the store holds for them."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

DocumentT = TypeVar("DocumentT")


@dataclass(frozen=True)
class Hits(Generic[DocumentT]):
    """The n nearest documents of one query, nearest first, with their vectors.

    Everything about a hit was read from one row of the store at one moment.
    """

    vectors: npt.NDArray[np.float32]
    """`[n, d]` vectors as the store holds them."""
    ids: Sequence[str | None]
    """The n ids under which the store knows them; None where it has none."""
    texts: Sequence[str]
    """The n texts, "" where there is none."""
    metadata: Sequence[Mapping[str, Any] | None]
    """The n metadata. They are never written to."""
    document: Callable[[int], DocumentT]
    """Makes the document of hit i from what was read. Called only for documents that are needed. It
    may return the store's own object: a retriever returns copies."""
    note: str | None = None
    """How the vectors differ from those of the embedding model ("scaled to unit length", say); None
    if they do not."""

    def __len__(self) -> int:
        return len(self.vectors)


def no_hits(dim: int) -> Hits[Any]:
    """What a search that finds nothing returns."""

    def none(i: int) -> Any:
        raise IndexError(f"there are no hits; asked for hit {i}")

    return Hits(np.empty((0, dim), dtype=np.float32), (), (), (), none)


def stacked(vectors: Sequence[Any], ids: Sequence[str | None], dim: int) -> npt.NDArray[np.float32]:
    """One array `[n, d]` of n vectors, each an array or a list, or None where the store has none.

    Raises:
        ValueError: if vectors are missing, or differ in length; the message says which.
    """
    missing = [i for i, vector in enumerate(vectors) if vector is None or len(vector) == 0]
    if missing:
        raise ValueError(
            f"{len(missing)} of {len(vectors)} hits came without a vector: {_named(ids, missing)}"
        )
    if not vectors:
        return np.empty((0, dim), dtype=np.float32)
    packed = _packed(vectors)
    if packed is not None:
        return packed
    try:
        return np.asarray(vectors, dtype=np.float32)
    except ValueError as error:  # of unequal lengths
        odd = [i for i, vector in enumerate(vectors) if len(vector) != dim]
        if not odd:
            raise ValueError(f"hits came with vectors that are no numbers: {error}") from error
        raise ValueError(
            f"{len(odd)} of {len(vectors)} hits came with a vector that does not have the query's "
            f"dimension {dim}: {_named(ids, odd)}"
        ) from error


def _packed(vectors: Sequence[Any]) -> npt.NDArray[np.float32] | None:
    """The array of n lists of floats; None if they are anything else.

    The result is that of `numpy.asarray`, in a third of the time. Most stores return lists.
    """
    width = len(vectors[0])
    if not all(type(vector) is list and len(vector) == width for vector in vectors):
        return None
    pack = struct.Struct(f"{width}f").pack
    try:
        rows = bytearray().join([pack(*vector) for vector in vectors])
    except struct.error:  # a value is not a number
        return None
    return np.frombuffer(rows, dtype=np.float32).reshape(len(vectors), width)


def check_hits(store: str, hits: Any, dim: int) -> None:
    """Check what the reader of a store returned: its parts, and every value of its vectors.

    Raises:
        TypeError: as `check_parts`.
        ValueError: as `check_parts`, and for vectors that are not finite.
    """
    check_parts(f"the hits of {store}", hits, dim)
    vectors, n = hits.vectors, len(hits)
    if n == 0:
        return
    with np.errstate(over="ignore", invalid="ignore"):
        squares = float(np.vecdot(vectors, vectors).sum())
    if math.isfinite(squares):
        return
    wrong = np.flatnonzero(~np.isfinite(vectors).all(axis=1)).tolist()
    if wrong:  # else all values are finite, and only their squares overflow
        raise ValueError(
            f"{store} holds vectors with NaN or infinite values for {len(wrong)} of {n} "
            f"hits: {_named(hits.ids, wrong)}"
        )


def check_parts(subject: str, hits: Any, dim: int) -> None:
    """Check what takes no time: the kinds of the parts, their number, the vectors' dimension.

    Args:
        subject: what a message calls the hits.
        hits: anything.
        dim: of the query.

    Raises:
        TypeError: if it is not a `Hits`, or a part is not of the type that `Hits` states.
        ValueError: if the vectors are not of the query's dimension, or there is not one vector, id,
            text and metadata a hit.
    """
    if not isinstance(hits, Hits):
        raise TypeError(f"{subject} must be Hits; got {type(hits).__name__}")
    vectors = hits.vectors
    if not isinstance(vectors, np.ndarray) or vectors.dtype.kind != "f":
        came = vectors.dtype if isinstance(vectors, np.ndarray) else type(vectors).__name__
        raise TypeError(f"{subject} must have vectors in an array of floats; got {came}")
    n = len(vectors)
    if n > 0 and vectors.shape != (n, dim):
        raise ValueError(
            f"{subject} have vectors of shape {vectors.shape[1:]}, but the query's embedding has "
            f"dimension {dim}: is `embedding` the model that filled the store?"
        )
    for name in ("ids", "texts", "metadata"):
        if len(getattr(hits, name)) != n:
            raise ValueError(f"{subject} have {n} vectors and {len(getattr(hits, name))} {name}")
    if all(issubclass(kind, str) for kind in {*map(type, hits.texts)}):
        return
    at = next(i for i, text in enumerate(hits.texts) if not isinstance(text, str))
    kind = type(hits.texts[at]).__name__
    raise TypeError(f'{subject} must have strings as texts, "" for none; got {kind} for hit {at}')


def _named(ids: Sequence[str | None], positions: Sequence[int], most: int = 5) -> str:
    """The ids at some positions, for a message."""
    names = [ids[i] if i < len(ids) else None for i in positions[:most]]
    if all(name is None for name in names):
        return f"the hits at positions {[*positions[:most]]}" + _more(positions, most)
    return f"ids {names}" + _more(positions, most)


def _more(positions: Sequence[int], most: int) -> str:
    return f" and {len(positions) - most} more" if len(positions) > most else ""
