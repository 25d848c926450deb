"""Area under the ROC curve: how well scores separate positive from negative examples."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def roc_auc(labels: npt.ArrayLike, scores: npt.ArrayLike) -> float:
    """The probability that a random positive scores above a random negative; a tie counts half.

    Args:
        labels: `[n]` of 0 and 1, or booleans; both must occur.
        scores: `[n]` finite numbers, higher for what is more likely positive.

    Returns:
        0 to 1; 0.5 for scores without information. Computed from the sum of the ranks of the
        positives, where tied scores have their mean rank: Mann and Whitney 1947; Hanley and McNeil
        1982.

    Raises:
        ValueError: for other shapes, labels or scores, or if all labels are the same.
    """
    kinds, values = np.asarray(labels), np.asarray(scores, dtype=np.float64)
    if kinds.ndim != 1 or kinds.shape != values.shape:
        raise ValueError(f"labels and scores must be [n]; got {kinds.shape} and {values.shape}")
    if not np.isin(kinds, (0, 1)).all():
        raise ValueError(f"labels must be 0 or 1; got {np.unique(kinds)[:5].tolist()}")
    if not np.isfinite(values).all():
        raise ValueError("scores must be finite; some are NaN or infinite")
    positive = kinds.astype(bool)
    yes, no = int(positive.sum()), int((~positive).sum())
    if not (yes and no):
        raise ValueError(f"labels must hold both kinds; got {yes} positive and {no} negative")
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    # Of a group of c tied scores that ends at rank e, the mean rank is e − (c − 1) / 2.
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return float((ranks[positive].sum() - yes * (yes + 1) / 2) / (yes * no))
