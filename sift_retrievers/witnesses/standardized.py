"""Scores of any scale, brought to one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sift_retrievers.acceleration import compiled

Float64 = npt.NDArray[np.float64]


def standardized(values: Float64, rounding: float = 1e-7) -> Float64:
    """Distances from the mean in standard deviations `[n]`; all 0 where all values are equal.

    Equal means up to rounding, a share of the largest value: copies of one passage differ in the
    last bits of their float32 cosines.

    Args:
        values: `[n]`, or rows `[r, n]`, each of which is brought to the scale by itself.
        rounding: a smaller standard deviation, relative to the largest value, is none.
    """
    native = compiled()
    if native is None:
        return standardized_arrays(values, rounding)
    values = np.ascontiguousarray(values, dtype=np.float64)
    count = values.shape[-1]
    rows = values.shape[0] if values.ndim == 2 else 1
    found: Float64 = np.frombuffer(native.standardized(values, rows, count, rounding))
    return found.reshape(values.shape)


def standardized_arrays(values: Float64, rounding: float) -> Float64:
    """The same by numpy."""
    if values.size == 0:
        return values
    largest = np.abs(values).max(axis=-1, keepdims=True)
    loud = (largest > 0) & np.isfinite(largest)
    scaled = np.where(loud, values, 0.0) / np.where(loud, largest, 1.0)
    centred = scaled - scaled.mean(axis=-1, keepdims=True)
    deviation = np.sqrt(np.square(centred).mean(axis=-1, keepdims=True))
    loud = loud & (deviation >= rounding)
    found: Float64 = np.where(loud, centred, 0.0) / np.where(loud, deviation, 1.0)
    return found
