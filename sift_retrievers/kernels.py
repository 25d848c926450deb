"""What "similar" means: covariance functions of the surrogate f(x) = W φ(x).

A kernel maps two sets of embedding vectors to their covariances, k(x, y) = φ(x)ᵀφ(y).
The engine asks it only for the rows that it needs and never for a whole K × K matrix.

A kernel of your own is a subclass of `Kernel` that defines `__call__`.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import torch
from torch import Tensor


class Kernel(ABC):
    """A positive semidefinite covariance function over embedding vectors.

    A subclass defines `__call__`; the other methods have defaults that follow from it and exist
    so that work which can be done once per call (normalising, say) is not done once per pick.
    """

    positive_only: bool = False
    """Count a passage only for the targets that it covaries positively with. Clamps the score of a
    pick, never the recursion: what is reported is the true posterior."""

    def features(self, vectors: Tensor) -> Tensor:
        """Prepare vectors once per call: `[..., n, d]` → `[..., n, d']`. Must not write into them.

        All other methods are given what this one returns.
        """
        return vectors

    @abstractmethod
    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """Covariances of passages: features `[B, n, d']` and `[B, m, d']` → `[B, n, m]`.

        Either batch dimension may be 1 and is then shared by the whole batch.
        """

    def cross(self, targets: Tensor, passages: Tensor) -> Tensor:
        """Covariances of targets and passages: `[B, m, d']` and `[B, K, d']` → `[B, m, K]`."""
        return self(targets, passages)

    def prior(self, targets: Tensor) -> Tensor:
        """Covariances of the targets among themselves: `[B, m, d']` → `[B, m, m]`."""
        return self(targets, targets)

    def diagonal(self, x: Tensor) -> Tensor:
        """Prior variances k(x, x) of passages: `[B, n, d']` → `[B, n]`."""
        batch, n, dim = x.shape
        points = x.reshape(batch * n, 1, dim)
        return self(points, points).reshape(batch, n)

    def largest_variance(self, vectors: Tensor) -> float:
        """The largest prior variance of the passages `[B, K, d]`: the scale that λ′ is held to."""
        return float(self.diagonal(self.features(vectors)).max()) if vectors.numel() else 0.0


class InnerProductKernel(Kernel):
    """A kernel that is a function of inner products, so that backends may compute those their way.

    Subclasses say whether vectors are first brought to unit length, and give the three functions of
    the inner product g = ⟨x, y⟩ (elementwise on tensors of any shape).
    """

    normalized: bool
    is_inner_product: bool = False
    """Whether all three functions are the inner product itself."""

    def of_passages(self, g: Tensor) -> Tensor:
        """K of two passages."""
        return g

    def of_target_and_passage(self, g: Tensor) -> Tensor:
        """K of a target and a passage."""
        return self.of_passages(g)

    def of_targets(self, g: Tensor) -> Tensor:
        """K of two targets."""
        return self.of_passages(g)

    def features(self, vectors: Tensor) -> Tensor:
        return unit_vectors(vectors) if self.normalized else vectors

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        return self.of_passages(inner_products(x, y))

    def cross(self, targets: Tensor, passages: Tensor) -> Tensor:
        return self.of_target_and_passage(inner_products(targets, passages))

    def prior(self, targets: Tensor) -> Tensor:
        products = inner_products(targets, targets)
        if self.normalized:
            products.diagonal(dim1=1, dim2=2).fill_(1.0)  # which rounding misses
        return self.of_targets(products)

    def diagonal(self, x: Tensor) -> Tensor:
        return self.of_passages(x.square().sum(dim=-1))

    def largest_variance(self, vectors: Tensor) -> float:
        if self.normalized:
            return 1.0 if self.is_inner_product else float(self.of_passages(torch.ones(())))
        return super().largest_variance(vectors)


@dataclass(frozen=True)
class Cosine(InnerProductKernel):
    """k(x, y) = cos(x, y): the linear kernel on vectors of unit length, the paper's choice.

    A zero vector has no direction. Its features stay zero: as a passage it carries no information
    (its gain is 0); as a query it is an error, which `select` reports.

    A passage with a cosine of −0.5 explains as much of the query as one with 0.5: the surrogate may
    turn its answer round. Among the nearest neighbours of a large store that hardly occurs; where
    it does, `positive_only` leaves such passages for last.

    Source: Hübotter et al., arXiv 2410.08020, section 3 (normalised embeddings).
    """

    positive_only: bool = False
    normalized = True
    is_inner_product = True


@dataclass(frozen=True)
class Linear(InnerProductKernel):
    """k(x, y) = ⟨x, y⟩: length counts. λ′ is then in units of squared length."""

    positive_only: bool = False
    normalized = False
    is_inner_product = True


@dataclass(frozen=True)
class Exponential(InnerProductKernel):
    """k(x, y) = exp(β (cos(x, y) − 1)), β the sharpness: the Gaussian kernel on the unit sphere.

    Sharper kernels forgive less similar passages sooner: at β = 8 a passage with cosine 0.75 to a
    picked one keeps most of its own information, a near-duplicate none.

    `target_sharpness` β_t gives relevance a dial of its own. The target then lies off the sphere,
    at β_t / β times its direction, so that

        k(x*, x) = exp(β_t cos − β/2 − β_t²/(2β)),    k(x*, x*) = 1,

    which is positive definite together with the passages' kernel (it is the Gaussian kernel of
    those points). Default: β_t = β, the target on the sphere.

    Raises:
        ValueError: for a sharpness that is not positive and finite.
    """

    sharpness: float = 8.0
    target_sharpness: float | None = None
    positive_only: bool = False
    normalized = True

    def __post_init__(self) -> None:
        for name in ("sharpness", "target_sharpness"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name} must be positive and finite; got {value!r}")

    @property
    def radius(self) -> float:
        """Distance of the target from the origin, β_t / β."""
        return 1.0 if self.target_sharpness is None else self.target_sharpness / self.sharpness

    def of_passages(self, g: Tensor) -> Tensor:
        return torch.exp(self.sharpness * (g - 1.0))

    def of_target_and_passage(self, g: Tensor) -> Tensor:
        radius = self.radius
        return torch.exp(self.sharpness * (radius * g - 0.5 * (1.0 + radius**2)))

    def of_targets(self, g: Tensor) -> Tensor:
        return torch.exp(self.sharpness * self.radius**2 * (g - 1.0))


@dataclass(frozen=True)
class SharedNoise(InnerProductKernel):
    """The cosine's surrogate, observed with errors that passages share as far as they say the same.

    f is linear in the unit vectors, as with `Cosine`. A passage says y_x = f(x) + ε(x), and

        Cov(ε(x), ε(y)) = error · exp(β (cos(x, y) − 1)) + λ′ [x = y],

    β the sharpness: `error` is the part of the noise's variance that near-duplicates have in
    common, λ′ (of `select`) the part that each has for itself; error = 0 is the cosine kernel. So

        k(x, y) = cos(x, y) + error · exp(β (cos(x, y) − 1)),    k(x*, x) = cos(x*, x).

    A copy repeats the error of its original and tells nothing that the original did not, however
    noisy passages are taken to be. Under the paper's noise two copies are two opinions, and a large
    λ′, which ranking by relevance needs, makes copies welcome.

    A sum of two kernels, so positive definite. σ² and the gains are those of the answer f(x*).

    Raises:
        ValueError: for an error below 0, a sharpness that is not above 0, or one not finite.
    """

    error: float = 8.0
    sharpness: float = 11.0
    positive_only: bool = False
    normalized = True

    def __post_init__(self) -> None:
        if not (math.isfinite(self.error) and self.error >= 0):
            raise ValueError(f"error must be finite and at least 0; got {self.error!r}")
        if not (math.isfinite(self.sharpness) and self.sharpness > 0):
            raise ValueError(f"sharpness must be positive and finite; got {self.sharpness!r}")

    def of_passages(self, g: Tensor) -> Tensor:
        return g + self.error * torch.exp(self.sharpness * (g - 1.0))

    def of_target_and_passage(self, g: Tensor) -> Tensor:
        return g

    def of_targets(self, g: Tensor) -> Tensor:
        return g


# The kernels whose formulas compiled and fused backends know.
BUILT_IN_KERNELS: Final = (Cosine, Linear, Exponential, SharedNoise)


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
    """

    gamma: float = 0.3
    base: Kernel = field(default_factory=lambda: Exponential(2.5))
    standardized: bool = True

    def __post_init__(self) -> None:
        if not (math.isfinite(self.gamma) and self.gamma >= 0):
            raise ValueError(f"gamma must be finite and at least 0; got {self.gamma!r}")

    def weights(self, relevance: Tensor, valid: Tensor | None = None) -> Tensor:
        """R of relevances `[B, K]` → `[B, K]`, among the valid ones `[B, K]`."""
        if valid is not None:
            relevance = relevance.masked_fill(~valid, -torch.inf)
        if relevance.shape[1] == 0:
            return relevance
        if self.standardized:
            relevance = relevance / _deviation(relevance, valid)
        weights = torch.exp(self.gamma * (relevance - relevance.amax(dim=1, keepdim=True)))
        return weights if valid is None else weights.masked_fill(~valid, 0.0)


def _deviation(relevance: Tensor, valid: Tensor | None) -> Tensor:
    """Standard deviation of the valid relevances of each row, `[B, 1]`; 1 where all are equal."""
    number: Tensor | int = relevance.shape[1]
    if valid is not None:
        number = valid.sum(dim=1, keepdim=True).clamp_min(1)
        relevance = torch.where(valid, relevance, 0.0)
    centred = relevance - relevance.sum(dim=1, keepdim=True) / number
    if valid is not None:
        centred = torch.where(valid, centred, 0.0)
    deviation = (centred.square().sum(dim=1, keepdim=True) / number).sqrt()
    # Copies of one passage differ in the last bits of their relevance.
    rounding = 4 * torch.finfo(relevance.dtype).eps * relevance.abs().amax(dim=1, keepdim=True)
    return torch.where(deviation > rounding.clamp_min(1e-6), deviation, 1.0)


KernelLike: TypeAlias = str | Kernel | RelevanceWeighted

KERNELS: Final[dict[str, type[Kernel] | type[RelevanceWeighted]]] = {
    "cosine": Cosine,
    "linear": Linear,
    "exponential": Exponential,
    "relevance": RelevanceWeighted,
    "shared_noise": SharedNoise,
}


def resolve_kernel(kernel: KernelLike) -> Kernel | RelevanceWeighted:
    """The kernel object behind a name, with its default parameters; an object as it is.

    Raises:
        ValueError: for a name that is not known.
        TypeError: for anything that is neither a name nor a kernel.
    """
    if isinstance(kernel, Kernel | RelevanceWeighted):
        return kernel
    if isinstance(kernel, str):
        if kernel == "phrases":
            raise ValueError(
                'the kernel "phrases" is made from texts: pass '
                "kernel=sift_retrievers.witnesses.phrase_coverage(texts, question)"
            )
        if kernel not in KERNELS:
            raise ValueError(f"kernel must be one of {sorted(KERNELS)}; got {kernel!r}")
        return KERNELS[kernel]()
    raise TypeError(f"kernel must be a name or a Kernel object; got {type(kernel).__name__}")


def unit_vectors(vectors: Tensor) -> Tensor:
    """Vectors `[..., d]` brought to unit length; zero vectors stay zero."""
    norm = torch.linalg.vector_norm(vectors, dim=-1, keepdim=True)
    # Squares of very small or very large entries leave float32's range; scale those first.
    if bool(((norm < 1e-15) | (norm > 1e18)).any()):
        largest = vectors.abs().amax(dim=-1, keepdim=True)
        vectors = vectors / torch.where(largest > 0, largest, 1.0)
        norm = torch.linalg.vector_norm(vectors, dim=-1, keepdim=True)
        norm = torch.where(norm > 0, norm, 1.0)
    unit: Tensor = vectors / norm
    return unit


def inner_products(x: Tensor, y: Tensor) -> Tensor:
    """⟨x_i, y_j⟩: `[B, n, d]` and `[B, m, d]` → `[B, n, m]`; a batch of 1 is shared, not copied."""
    if y.shape[0] == 1 and x.shape[0] > 1:
        batch, n, dim = x.shape
        return (x.reshape(batch * n, dim) @ y[0].mT).reshape(batch, n, y.shape[1])
    return torch.matmul(x, y.mT)
