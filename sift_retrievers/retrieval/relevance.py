"""Relevance that somebody else than the embedding judged: a cross-encoder, another reranker."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def unit_relevance(scores: Sequence[float] | npt.ArrayLike, count: int) -> npt.NDArray[np.float64]:
    """Relevance `[n]` between 0 and 1, the scale for which `RelevanceWeighted` has its γ.

    Scores outside of that range are taken for logits, and the logistic function is applied to all:
    many cross-encoders return the one or the other, depending on their configuration.

    Raises:
        ValueError: if there are not n finite scores.
    """
    values = np.asarray(scores, dtype=np.float64)
    if values.shape != (count,) or not np.isfinite(values).all():
        raise ValueError(
            f"relevance must be one finite score a passage, {count} in all; got an array of shape "
            f"{values.shape} with {int((~np.isfinite(values)).sum())} NaN or infinite values"
        )
    if count and (values.min() < 0 or values.max() > 1):
        values = 0.5 * (1.0 + np.tanh(0.5 * values))
    return values
