"""`Setting`: kernel, objective and λ′ of a retriever; those that `calibrate` tries."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any, Final

from sift_retrievers.kernels import (
    Cosine,
    Exponential,
    Kernel,
    RelevanceWeighted,
    SharedNoise,
    resolve_kernel,
)
from sift_retrievers.retrieval import DEFAULT_KERNEL, default_lambda, default_objective


@dataclass(frozen=True)
class Setting:
    """What shapes a retriever's picks."""

    kernel: Kernel | RelevanceWeighted
    lambda_: float
    objective: str = "variance"

    @property
    def arguments(self) -> dict[str, Any]:
        """For a retriever: `SIFTRetriever(vectorstore, **setting.arguments)`."""
        return {"kernel": self.kernel, "lambda_": self.lambda_, "objective": self.objective}


DEFAULT: Final = Setting(
    resolve_kernel(DEFAULT_KERNEL),
    default_lambda(DEFAULT_KERNEL),
    default_objective(DEFAULT_KERNEL),
)
"""What the retrievers use out of the box."""


def grid() -> tuple[Setting, ...]:
    """The settings that are tried unless the caller gives others; the default is among them."""
    tried = [DEFAULT]
    tried += [Setting(Cosine(), noise) for noise in (1.0, 3.0, 10.0)]
    tried += [
        Setting(SharedNoise(round(share * noise, 6), beta), round((1 - share) * noise, 6))
        for share, noise, beta in product((0.1, 0.2, 0.3, 0.4), (8.0, 28.0), (6.0, 11.0))
    ]
    tried += [
        Setting(Exponential(beta, target, positive_only=True), noise)
        for (beta, target), noise in product(((8.0, 6.0), (12.0, 6.0)), (0.5, 1.0))
    ]
    bases: tuple[Kernel, ...] = (Cosine(), Exponential(2.5), Exponential(4.0))
    tried += [
        Setting(RelevanceWeighted(gamma, base, standardized=True), noise, "undirected")
        for gamma, base, noise in product((0.3, 0.5), bases, (0.05, 0.2))
    ]
    return tuple(dict.fromkeys(tried))
