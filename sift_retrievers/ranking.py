"""Scores for frameworks that sort documents by score.

Both frameworks sort by score, so scores must fall strictly in the order of selection. Gains need
not: a later pick can gain more than an earlier one.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def falling_shares(shares: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Like `falling_scores`, for numbers from 0 to 1; the results stay between 0 and 1.

    Args:
        shares: `[n]` in selection order, each 0 to 1; several may be 0.

    Returns:
        `[n]` float64 scores, strictly falling, 0 to 1. Scores that would reach 0 or fall below it
        become multiples of the smallest normal float64 number, about 2e-308.
    """
    scores = falling_scores(shares)
    lowest: npt.NDArray[np.float64] = np.finfo(np.float64).tiny * np.arange(len(scores))[::-1]
    return np.maximum(scores, lowest)


def falling_scores(gains: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """The running minimum of the gains, with ties broken by the smallest step of float64.

    Args:
        gains: `[n]` gains in selection order.

    Returns:
        `[n]` float64 scores, strictly falling, none above its gain.
    """
    scores = np.minimum.accumulate(np.asarray(gains, dtype=np.float64))
    for i in range(1, len(scores)):
        if scores[i] >= scores[i - 1]:
            scores[i] = np.nextafter(scores[i - 1], -np.inf)
    return scores
