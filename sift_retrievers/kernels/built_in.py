"""The built-in kernels: cosine, linear, exponential, shared noise."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import Any, Final

from sift_retrievers.arrays import Array, namespace
from sift_retrievers.kernels.kernel import InnerProductKernel


@dataclass(frozen=True)
class Cosine(InnerProductKernel):
    """k(x, y) = cos(x, y): the linear kernel on vectors of unit length, the paper's choice.

    A zero vector has no direction, and its features stay zero. As a passage it carries no
    information, so its gain is 0; as a query `select` refuses it.

    A passage with cosine −0.5 explains as much of the query as one with 0.5, because the surrogate
    is linear. Negative cosines are rare among the nearest neighbours in a large store; where they
    occur, `positive_only` ranks such passages last.

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

    The sharper the kernel, the more alike two passages must be to count as redundant: at β = 8 a
    passage with cosine 0.75 to a picked one keeps most of its information, a near-duplicate none.

    `target_sharpness` β_t sets separately how fast relevance falls with the cosine. The target then
    lies off the sphere, at β_t / β times its direction, so that

        k(x*, x) = exp(β_t cos − β/2 − β_t²/(2β)),    k(x*, x*) = 1,

    which is positive definite together with the passages' kernel (it is the Gaussian kernel of
    those points). Default: β_t = β, the target on the sphere.

    Raises:
        ValueError: for a sharpness that is not positive and finite, or above 1e9.
    """

    sharpness: float = 8.0
    target_sharpness: float | None = None
    positive_only: bool = False
    normalized = True
    suggested_lambda = 1.0

    def __post_init__(self) -> None:
        for name in ("sharpness", "target_sharpness"):
            value = getattr(self, name)
            if value is None and name == "target_sharpness":
                continue
            if not (is_number(value) and value > 0):
                raise ValueError(f"{name} must be positive and finite; got {value!r}")
        if not self.sharpness * max(1.0, self.radius * self.radius) <= SHARPEST:
            raise ValueError(
                f"sharpness and target_sharpness² / sharpness must be at most {SHARPEST:g}, where "
                f"rounding decides what is alike; got {self.sharpness!r} and "
                f"{self.target_sharpness!r}"
            )

    @property
    def steepness(self) -> float:
        return self.sharpness * max(1.0, self.radius)

    @property
    def radius(self) -> float:
        """Distance of the target from the origin, β_t / β."""
        return 1.0 if self.target_sharpness is None else self.target_sharpness / self.sharpness

    def of_passages(self, g: Array) -> Array:
        return namespace(g).exp(self.sharpness * (g - 1.0))

    def of_target_and_passage(self, g: Array) -> Array:
        radius = self.radius
        return namespace(g).exp(self.sharpness * (radius * g - 0.5 * (1.0 + radius**2)))

    def of_targets(self, g: Array) -> Array:
        return namespace(g).exp(self.sharpness * self.radius**2 * (g - 1.0))


@dataclass(frozen=True)
class SharedNoise(InnerProductKernel):
    """The cosine's surrogate, observed with errors that passages share as far as they say the same.

    f is linear in the unit vectors, as with `Cosine`. A passage says y_x = f(x) + ε(x), and

        Cov(ε(x), ε(y)) = error · exp(β (cos(x, y) − 1)) + λ′ [x = y],

    β the sharpness: `error` is the part of the noise's variance that near-duplicates have in
    common, λ′ (of `select`) the part that each has for itself; error = 0 is the cosine kernel. So

        k(x, y) = cos(x, y) + error · exp(β (cos(x, y) − 1)),    k(x*, x) = cos(x*, x).

    A copy repeats the error of its original, so it adds nothing, however large λ′ is. Under the
    paper's noise a copy is a second, independent observation, and a large λ′ (which ranking by
    relevance needs) makes copies worth picking.

    k is the sum of two kernels, so it is positive definite. σ² and the gains are those of the
    answer f(x*).

    Raises:
        ValueError: for an error that is negative or not finite, or a sharpness that is not
            positive, or above 1e9.
    """

    error: float = 8.0
    sharpness: float = 11.0
    positive_only: bool = False
    normalized = True
    suggested_lambda = 20.0

    def __post_init__(self) -> None:
        if not (is_number(self.error) and self.error >= 0):
            raise ValueError(f"error must be finite and at least 0; got {self.error!r}")
        if not (is_number(self.sharpness) and self.sharpness > 0):
            raise ValueError(f"sharpness must be positive and finite; got {self.sharpness!r}")
        if self.sharpness > SHARPEST:
            raise ValueError(
                f"sharpness must be at most {SHARPEST:g}, where rounding decides what is alike; "
                f"got {self.sharpness!r}"
            )

    @property
    def steepness(self) -> float:
        return max(1.0, self.sharpness)

    def of_passages(self, g: Array) -> Array:
        return g + self.error * namespace(g).exp(self.sharpness * (g - 1.0))

    def of_target_and_passage(self, g: Array) -> Array:
        return g

    def of_targets(self, g: Array) -> Array:
        return g


SHARPEST: Final = 1e9
"""Cosines in float64 are known to 1e-16 or so; sharper kernels would magnify that to 1e-7."""

# The kernels whose formulas the compiled and the fused solver know.
BUILT_IN_KERNELS: Final = (Cosine, Linear, Exponential, SharedNoise)


def is_number(value: Any) -> bool:
    """Whether a parameter is one finite number."""
    if not isinstance(value, Real):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number that no float holds
        return False
