"""The weights of passages by relevance, as the solvers need them."""

from __future__ import annotations

from typing import Final

from sift_retrievers.arrays import Array, namespace
from sift_retrievers.kernels import RelevanceWeighted
from sift_retrievers.selection.problem import Weighting

COSINE_ROUNDING: Final = 1e-6
"""Cosines that differ by less are equal: the rounding of products of unit vectors in float32, which
is what the vectors are known to, in whatever type one computes."""


def passage_weights(
    weighting: Weighting, cosine: Array | None, zero: Array | None, valid: Array | None
) -> Array:
    """R of every passage, in float64.

    Args:
        weighting: how.
        cosine: `[B, K]` to the nearest target, where no relevance was given.
        zero: `[B or 1, K]` which passages have no length: they say nothing, whatever a kernel makes
            of them (a text of blanks has such a vector), and weigh 0. None: none of them.
        valid: `[B, K]` which are candidates; default: all.

    Returns:
        `[B, K]`.
    """
    kernel = RelevanceWeighted(weighting.gamma, standardized=weighting.standardized)
    if weighting.relevance is not None:
        weights = kernel.weights(weighting.relevance, valid)
    else:
        assert cosine is not None
        weights = kernel.weights(cosine, valid, rounding=COSINE_ROUNDING)
    if zero is None:
        return weights
    xp = namespace(weights)
    return xp.where(zero, xp.zeros_like(weights), weights)
