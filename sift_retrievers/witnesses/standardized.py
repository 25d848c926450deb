"""Scores standardised to mean 0 and standard deviation 1."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sift_retrievers.acceleration import compiled

Float64 = npt.NDArray[np.float64]


def standardized(values: Float64, rounding: float = 1e-7) -> Float64:
    """Distances from the mean, in standard deviations; all 0 where all values are equal.

    Values count as equal if they differ by no more than rounding: copies of one passage differ in
    the last bits of their float32 cosines.

    Args:
        values: `[n]`, or `[r, n]` to standardise each row by itself.
        rounding: standard deviation, relative to the largest absolute value, below which all values
            count as equal.

    Returns:
        An array of the same shape. Values whose largest is not finite give zeros.
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
    """`standardized` in numpy, for where the compiled function is not available."""
    if values.size == 0:
        return values
    largest = np.abs(values).max(axis=-1, keepdims=True)
    differs = (largest > 0) & np.isfinite(largest)
    scaled = np.where(differs, values, 0.0) / np.where(differs, largest, 1.0)
    centred = scaled - scaled.mean(axis=-1, keepdims=True)
    deviation = np.sqrt(np.square(centred).mean(axis=-1, keepdims=True))
    differs = differs & (deviation >= rounding)
    found: Float64 = np.where(differs, centred, 0.0) / np.where(differs, deviation, 1.0)
    return found
