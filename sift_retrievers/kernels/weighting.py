"""`Weighting`: how much each passage counts, by its relevance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from sift_retrievers.arrays import Array, as_precise, epsilon_of, namespace

ROUNDING: Final = 8.0
"""Relevances count as equal if their standard deviation is below this many ε of the largest."""
LARGEST: Final = 1e300
"""The largest relevance whose differences to others are finite in float64."""


@dataclass(frozen=True)
class Weighting:
    """Weights r = exp(γ (ρ − max ρ)) of passages with relevance ρ: 1 for the most relevant."""

    gamma: float
    """γ, at least 0."""
    standardized: bool
    """Whether ρ is divided by its standard deviation among the candidates first."""

    def weights(
        self, relevance: Array, valid: Array | None = None, *, rounding: float | None = None
    ) -> Array:
        """Weights of passages by their relevance, in float64.

        Args:
            relevance: `[B, K]`, each at most `LARGEST` in size.
            valid: `[B, K]` which passages are candidates; the others weigh 0. Default: all.
            rounding: standard deviation below which relevances count as equal, and are not
                standardised. Default: 8 ε of their type, times the largest of the row: copies of
                one passage differ in the last bits of their relevance.

        Returns:
            `[B, K]`, from 0 to 1.
        """
        xp = namespace(relevance)
        if relevance.shape[1] == 0:
            return relevance
        rho = as_precise(relevance)
        if valid is not None:
            rho = _only(valid, rho)
            top = xp.max(xp.where(valid, rho, xp.full_like(rho, -math.inf)), axis=1, keepdims=True)
            top = xp.where(top > -math.inf, top, xp.zeros_like(top))
        else:
            top = xp.max(rho, axis=1, keepdims=True)
        below = rho - top  # 0 for the best
        if valid is not None:
            below = _only(valid, below)
        if self.standardized:
            least = rounding
            if least is None:
                largest = xp.max(xp.abs(rho), axis=1, keepdims=True)
                least = ROUNDING * epsilon_of(relevance) * largest
            below = _in_deviations(below, valid, least)
        with np.errstate(over="ignore"):
            weights = xp.exp(self.gamma * below)
        return weights if valid is None else _only(valid, weights)


def _in_deviations(below: Array, valid: Array | None, least: Array) -> Array:
    """Differences `[B, K]` in units of their standard deviation, where that is above `least`.

    They are divided by the largest first: squares of huge and of tiny numbers leave the range.
    """
    xp = namespace(below)
    farthest = xp.max(-below, axis=1, keepdims=True)
    unit = xp.where(farthest > 0, farthest, xp.ones_like(farthest))
    scaled = below / unit
    number: Array = below.shape[1] if valid is None else xp.clip(valid.sum(1), 1, None)[:, None]
    centred = scaled - scaled.sum(1)[:, None] / number
    if valid is not None:
        centred = _only(valid, centred)
    deviation = xp.sqrt((centred * centred).sum(1)[:, None] / number)
    spread = deviation * unit > least
    return xp.where(spread, scaled / xp.where(spread, deviation, xp.ones_like(deviation)), below)


def _only(valid: Array, values: Array) -> Array:
    """The values of candidates, 0 elsewhere."""
    xp = namespace(values)
    return xp.where(valid, values, xp.zeros_like(values))
