"""Scores for frameworks that sort by score: they must fall strictly in selection order."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def falling_shares(shares: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """`falling_scores` of numbers from 0 to 1 that stay there: above 0 by what does not matter.

    Args:
        shares: `[n]` in selection order, 0…1; several may be 0.

    Returns:
        `[n]` float64 scores, strictly falling, 0…1.
    """
    scores = falling_scores(shares)
    least: npt.NDArray[np.float64] = np.finfo(np.float64).tiny * np.arange(len(scores))[::-1]
    return np.maximum(scores, least)


def falling_scores(gains: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Running minimum of the gains, made strict with `nextafter`.

    A later pick can gain more than an earlier one (conditioning can make a passage informative),
    but whoever sorts by score must get the selection order back.

    Args:
        gains: `[n]` gains in selection order.

    Returns:
        `[n]` float64 scores, strictly falling.
    """
    scores = np.minimum.accumulate(np.asarray(gains, dtype=np.float64))
    for i in range(1, len(scores)):
        if scores[i] >= scores[i - 1]:
            scores[i] = np.nextafter(scores[i - 1], -np.inf)
    return scores
