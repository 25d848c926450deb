"""The weights of passages by relevance, as the solvers need them."""

from __future__ import annotations

from typing import Final

from sift_retrievers.arrays import Array, namespace
from sift_retrievers.kernels.weighting import Weighting

COSINE_ROUNDING: Final = 1e-6
"""Cosines whose standard deviation is below this count as equal: products of unit vectors in
float32 differ by as much through rounding, and the vectors themselves are float32 as a rule."""


def passage_weights(
    weighting: Weighting,
    relevance: Array | None,
    cosine: Array | None,
    zero: Array | None,
    valid: Array | None,
) -> Array:
    """The weight r of every passage, in float64.

    Args:
        weighting: that of the kernel.
        relevance: `[B, K]` as the caller gave it; None: the cosine takes its place.
        cosine: `[B, K]` to the nearest target; read only where no relevance was given.
        zero: `[B or 1, K]` which vectors are zero, such as embeddings of blank texts. They carry no
            information, whatever the kernel, and get the weight 0. None: there are none.
        valid: `[B, K]` which are candidates; None: all.

    Returns:
        `[B, K]`.
    """
    if relevance is not None:
        weights = weighting.weights(relevance, valid)
    else:
        weights = weighting.weights(cosine, valid, rounding=COSINE_ROUNDING)
    if zero is None:
        return weights
    xp = namespace(weights)
    return xp.where(zero, xp.zeros_like(weights), weights)
