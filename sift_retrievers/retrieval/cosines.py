"""Cosines of hits and targets."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

# Within these bounds the squared length of a vector neither overflows nor underflows in float32.
SHORTEST: Final = 1e-12
LONGEST: Final = 1e30


def cosines(vectors: Float32, targets: Float32) -> Float64:
    """`[m, n]` cosine of every target `[m, d]` to every row `[n, d]`; 0 for zero rows.

    Cosines are exact to about 1e-7, because products are computed in float32; equal rows have equal
    cosines. Very long or short vectors, and those in half precision, are multiplied in float64. The
    cosine of a vector that is not finite is NaN.
    """
    if len(vectors) == 0 or len(targets) == 0:
        return np.zeros((len(targets), len(vectors)))
    with np.errstate(over="ignore"):
        squares = np.vecdot(vectors, vectors)
        asked = np.vecdot(targets, targets)
    shortest, longest = (
        np.minimum(squares.min(), asked.min()),  # NaN where either is
        np.maximum(squares.max(), asked.max()),
    )
    half = vectors.dtype.itemsize < 4
    if half or not (shortest >= SHORTEST and longest <= LONGEST):
        return _precise_cosines(vectors, targets)
    # `vecdot` adds up each row alone and all in the same order, which a matrix product does not.
    found: Float64 = np.vecdot(vectors, targets[:, None]).astype(np.float64)
    found /= np.sqrt(squares, dtype=np.float64)
    found /= np.sqrt(asked, dtype=np.float64)[:, None]
    return found.clip(-1.0, 1.0)


def _precise_cosines(vectors: Float32, targets: Float32) -> Float64:
    """The same in float64, where every length that float32 has is in range."""
    x, q = vectors.astype(np.float64), targets.astype(np.float64)
    with np.errstate(invalid="ignore"):
        scale = np.sqrt(np.vecdot(x, x)) * np.sqrt(np.vecdot(q, q))[:, None]  # [m, n]
        products = np.vecdot(x, q[:, None])
        cosine = np.divide(products, scale, out=np.zeros_like(products), where=scale != 0)
    clipped: Float64 = cosine.clip(-1.0, 1.0)
    return clipped
