"""`RelevanceWeighted`: a kernel among passages, weighted by how relevant each is."""

from __future__ import annotations

from dataclasses import dataclass, field

from sift_retrievers.arrays import Array
from sift_retrievers.kernels.built_in import Exponential, is_number
from sift_retrievers.kernels.kernel import Kernel
from sift_retrievers.kernels.weighting import Weighting


@dataclass(frozen=True)
class RelevanceWeighted(Kernel):
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

    The weights depend on all candidates of a query, so they are not part of what the methods of
    `Kernel` return: those are the covariances of s. `select` multiplies them by `weights`.

    Raises:
        ValueError: for a γ that is negative or not finite.
        TypeError: for a base that is not a kernel, or that weighs by relevance itself.
    """

    gamma: float = 0.3
    base: Kernel = field(default_factory=lambda: Exponential(2.5))
    standardized: bool = True
    suggested_lambda = 0.2
    suggested_objective = "undirected"

    def __post_init__(self) -> None:
        if not (is_number(self.gamma) and self.gamma >= 0):
            raise ValueError(f"gamma must be finite and at least 0; got {self.gamma!r}")
        if not isinstance(self.base, Kernel) or self.base.weighs_relevance:
            raise TypeError(
                "base must be a Kernel that is not weighted itself, Cosine() or Exponential(2.5), "
                f"say; got {self.base!r}"
            )
        object.__setattr__(self, "positive_only", self.base.positive_only)

    @property
    def weighting(self) -> Weighting:
        return Weighting(self.gamma, self.standardized)

    @property
    def steepness(self) -> float:
        return self.base.steepness

    @property
    def unweighted(self) -> Kernel:
        return self.base

    def weights(
        self, relevance: Array, valid: Array | None = None, *, rounding: float | None = None
    ) -> Array:
        """The weights of relevances `[B, K]`, in float64, as `Weighting.weights` describes it."""
        return self.weighting.weights(relevance, valid, rounding=rounding)

    def features(self, vectors: Array) -> Array:
        return self.base.features(vectors)

    def __call__(self, x: Array, y: Array) -> Array:
        return self.base(x, y)

    def cross(self, targets: Array, passages: Array) -> Array:
        return self.base.cross(targets, passages)

    def prior(self, targets: Array) -> Array:
        return self.base.prior(targets)

    def diagonal(self, x: Array) -> Array:
        return self.base.diagonal(x)

    def largest_variance(self, vectors: Array) -> float:
        return self.base.largest_variance(vectors)  # no weight is above 1
