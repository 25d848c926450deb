"""`Kernel`: a covariance function of the surrogate; `InnerProductKernel`: one of ⟨x, y⟩."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from sift_retrievers.arrays import Array, namespace
from sift_retrievers.kernels.products import inner_products, unit_vectors
from sift_retrievers.kernels.weighting import Weighting


class Kernel(ABC):
    """A positive semidefinite covariance function over embedding vectors.

    A subclass defines `__call__`. The other methods have defaults that follow from it; override
    them to do work once per call of `select` that would otherwise be done once per pick
    (normalising, say).

    Arrays are of the kind that `select` was given, numpy arrays or torch tensors. A kernel that
    uses only what both have (operators, indexing, `sum`) works with either. What it returns is
    checked: real, finite numbers of the shapes below, symmetric and positive semidefinite.
    """

    positive_only: bool = False
    """Whether a passage counts only for targets with which its covariance is positive. This changes
    the order of picks only: gains and variances are those of the true posterior."""
    suggested_lambda: float = 3.0
    """The λ′ that suits this kernel for retrieval; the retrievers use it where none is given."""
    suggested_objective: str = "variance"
    """The objective that suits this kernel for retrieval, likewise."""

    @property
    def steepness(self) -> float:
        """How much the kernel magnifies an error of a cosine: whether float32 is exact enough."""
        return 1.0

    @property
    def weighting(self) -> Weighting | None:
        """How passages are weighted by their relevance; None: not at all."""
        return None

    @property
    def weighs_relevance(self) -> bool:
        """Whether passages are weighted by their relevance."""
        return self.weighting is not None

    @property
    def unweighted(self) -> Kernel:
        """The kernel whose covariances are weighted; the kernel itself where none are."""
        return self

    def features(self, vectors: Array) -> Array:
        """Prepare vectors once per call: `[B, n, d]` → `[B, n, d']`, without writing into them.

        The other methods are given what this one returns.
        """
        return vectors

    @abstractmethod
    def __call__(self, x: Array, y: Array) -> Array:
        """Covariances of passages: features `[B, n, d']` and `[B, m, d']` → `[B, n, m]`.

        Either batch dimension may be 1 and is then shared by the whole batch.
        """

    def cross(self, targets: Array, passages: Array) -> Array:
        """Covariances of targets and passages: `[B, m, d']` and `[B, K, d']` → `[B, m, K]`."""
        return self(targets, passages)

    def prior(self, targets: Array) -> Array:
        """Covariances of the targets among themselves: `[B, m, d']` → `[B, m, m]`."""
        return self(targets, targets)

    def diagonal(self, x: Array) -> Array:
        """Prior variances k(x, x) of passages: `[B, n, d']` → `[B, n]`."""
        batch, n, dim = x.shape
        points = x.reshape(batch * n, 1, dim)
        return self(points, points).reshape(batch, n)

    def largest_variance(self, vectors: Array) -> float:
        """The largest prior variance of passages `[B, K, d]`, as given: the scale of λ′."""
        if 0 in vectors.shape:
            return 0.0
        with np.errstate(over="ignore"):
            return float(self.diagonal(self.features(vectors)).max())


class InnerProductKernel(Kernel):
    """A kernel that is a function of the inner product g = ⟨x, y⟩, which solvers compute.

    A subclass sets `normalized`, whether vectors are first brought to unit length, and defines the
    functions of g, elementwise on arrays of any shape.
    """

    normalized: bool
    is_inner_product: bool = False
    """Whether all three functions are the inner product itself."""

    def of_passages(self, g: Array) -> Array:
        """Covariance of two passages."""
        return g

    def of_target_and_passage(self, g: Array) -> Array:
        """Covariance of a target and a passage."""
        return self.of_passages(g)

    def of_targets(self, g: Array) -> Array:
        """Covariance of two targets."""
        return self.of_passages(g)

    def features(self, vectors: Array) -> Array:
        return unit_vectors(vectors) if self.normalized else vectors

    def __call__(self, x: Array, y: Array) -> Array:
        return self.of_passages(inner_products(x, y))

    def cross(self, targets: Array, passages: Array) -> Array:
        return self.of_target_and_passage(inner_products(targets, passages))

    def prior(self, targets: Array) -> Array:
        products = inner_products(targets, targets)
        if self.normalized:
            one = range(products.shape[1])
            products[:, one, one] = 1.0  # up to rounding they are
        return self.of_targets(products)

    def diagonal(self, x: Array) -> Array:
        return self.of_passages((x * x).sum(-1))

    def largest_variance(self, vectors: Array) -> float:
        if self.normalized:
            if self.is_inner_product:
                return 1.0
            one = namespace(vectors).ones_like(vectors[..., :1, :1])
            return float(self.of_passages(one).max()) if 0 not in one.shape else 1.0
        return super().largest_variance(vectors)
