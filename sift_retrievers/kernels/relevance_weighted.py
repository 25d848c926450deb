"""`RelevanceWeighted`: a kernel among passages, weighted by how relevant each is."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from sift_retrievers.arrays import Array, epsilon_of, is_tensor, namespace
from sift_retrievers.kernels.built_in import Exponential, is_number
from sift_retrievers.kernels.kernel import Kernel

ROUNDING = 8.0
"""Relevances that differ by less than this many ε, of the largest, are taken as equal."""


@dataclass(frozen=True)
class RelevanceWeighted:
    """L(x, y) = r(x) s(x, y) r(y): a kernel s among passages, weighted by their relevance.

    r(x) = exp(γ (ρ(x) − max ρ)), with ρ the passage's relevance: its cosine to the query (the
    largest, of several targets), or what is passed to `select` as `relevance`, a cross-encoder's
    score say. γ is in units of one over that score. A target has weight 1.

    With a target this is the kernel s under noise λ′ / r(x)²: the less relevant a passage, the
    noisier an observation of it. With `objective="undirected"` it is the information gain about the
    relevance-scaled surrogate itself.

    With `standardized`, ρ is first divided by its standard deviation among the candidates, and γ
    counts deviations: one setting then suits a model whose cosines lie close together as well as
    one whose do not. (So weighted, with s the cosine and "undirected", the picks tend to those of
    a greedy DPP with the relevance exp(γ z) as λ′ → 0.)

    Raises:
        ValueError: for a γ that is negative or not finite.
        TypeError: for a base that is no kernel.
    """

    gamma: float = 0.3
    base: Kernel = field(default_factory=lambda: Exponential(2.5))
    standardized: bool = True

    def __post_init__(self) -> None:
        if not (is_number(self.gamma) and self.gamma >= 0):
            raise ValueError(f"gamma must be finite and at least 0; got {self.gamma!r}")
        if not isinstance(self.base, Kernel):
            raise TypeError(
                f"base must be a Kernel, Cosine() or Exponential(2.5), say; got {self.base!r}"
            )

    def weights(
        self, relevance: Array, valid: Array | None = None, *, rounding: float | None = None
    ) -> Array:
        """R of relevances, in float64.

        Args:
            relevance: `[B, K]`.
            valid: `[B, K]` which of them count; the others weigh 0. Default: all.
            rounding: spread below which relevances are equal, their deviation then being 1.
                Default: a few ε of their type, of the largest of a row. Copies of one passage
                differ in the last bits.

        Returns:
            `[B, K]`.
        """
        xp = namespace(relevance)
        if relevance.shape[1] == 0:
            return relevance
        epsilon = epsilon_of(relevance)
        rho = as_precise(relevance)
        if valid is not None:
            rho = _only(valid, rho)
        lowest = rho if valid is None else xp.where(valid, rho, xp.full_like(rho, -math.inf))
        top = xp.max(lowest, axis=1, keepdims=True)
        if valid is not None:
            top = xp.where(top > -math.inf, top, xp.zeros_like(top))
        below = rho - top  # 0 for the best
        if self.standardized:
            largest = xp.max(xp.abs(rho), axis=1, keepdims=True)
            least = ROUNDING * epsilon * largest if rounding is None else rounding
            deviation = _deviation(rho, valid, largest)
            below = below / xp.where(deviation > least, deviation, xp.ones_like(deviation))
        with np.errstate(over="ignore"):
            weights = xp.exp(self.gamma * below)
        return weights if valid is None else _only(valid, weights)


def as_precise(array: Array) -> Array:
    """An array in float64, where its device has that."""
    if not is_tensor(array):
        return array.astype(np.float64, copy=False)
    return array.float() if array.device.type == "mps" else array.double()


def _deviation(rho: Array, valid: Array | None, largest: Array) -> Array:
    """Standard deviation of the valid ones of each row `[B, 1]`, the others being 0.

    Divided by the largest first: squares of huge and of tiny numbers leave the range.
    """
    xp = namespace(rho)
    size = xp.where(largest > 0, largest, xp.ones_like(largest))
    number: Array = rho.shape[1]
    if valid is not None:
        number = xp.clip(valid.sum(1), 1, None)[:, None]
    scaled = rho / size
    centred = scaled - scaled.sum(1)[:, None] / number
    if valid is not None:
        centred = _only(valid, centred)
    return xp.sqrt((centred * centred).sum(1)[:, None] / number) * size


def _only(valid: Array, values: Array) -> Array:
    """The values of those that count, 0 elsewhere."""
    xp = namespace(values)
    return xp.where(valid, values, xp.zeros_like(values))
