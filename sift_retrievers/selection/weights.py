"""The weights of passages by relevance, as the solvers need them."""

from __future__ import annotations

from typing import Final

from sift_retrievers.arrays import Array, epsilon_of, namespace
from sift_retrievers.kernels import RelevanceWeighted
from sift_retrievers.selection.problem import Weighting

COSINE_ROUNDING: Final = 8.0
"""Cosines that differ by less than this many ε are equal: the rounding of products of unit
vectors, however small they are themselves."""


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
        rounding = COSINE_ROUNDING * epsilon_of(cosine)
        weights = kernel.weights(cosine, valid, rounding=rounding)
    if zero is None:
        return weights
    xp = namespace(weights)
    return xp.where(zero, xp.zeros_like(weights), weights)
