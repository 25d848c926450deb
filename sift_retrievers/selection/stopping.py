"""Rules that cut a selection to a prefix.

Both look at the picks in order and stop at the first that fails. Later picks are dropped, even
those that would pass.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Lengths = npt.NDArray[np.intp]


def alpha_length(variance: npt.NDArray[Any], targets: int, alpha: float) -> Lengths:
    """Passages kept by adaptive SIFT: the n − 1 before the first n with σ_n > 1/(α n), at least 1.

    It ends early where the uncertainty stays high because no candidate helps; it cannot act before
    n > 1/(α σ_n). It is meant for fine-tuning, where it makes compute follow the expected gain.

    Args:
        variance: `[B, k + 1]` posterior variance summed over the targets; σ_n is the root of its
            mean over the targets.
        targets: m.
        alpha: α > 0; 0.15 to 0.5 is usual for vectors of unit length.

    Returns:
        `[B]` lengths, at most k. Source: arXiv 2410.08020, section 5.
    """
    n = np.arange(1, variance.shape[1])
    too_high = np.sqrt(variance[:, 1:] / targets) > 1.0 / (alpha * n)
    return np.maximum(_first(too_high), min(1, too_high.shape[1]))


def min_gain_length(gains: npt.NDArray[Any], min_gain: float) -> Lengths:
    """Passages before the first pick that gains less than `min_gain` nats; may be none: `[B]`."""
    return _first(gains < min_gain)


def _first(mask: npt.NDArray[np.bool_]) -> Lengths:
    """Position of the first true element of each row; the row's length where there is none."""
    if mask.shape[1] == 0:
        return np.zeros(len(mask), dtype=np.intp)
    first: Lengths = np.where(mask.any(axis=1), mask.argmax(axis=1), mask.shape[1])
    return first
