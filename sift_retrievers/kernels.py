"""What "similar" means: covariance functions of the surrogate f(x) = W φ(x).

A kernel maps two sets of embedding vectors to their covariances, k(x, y) = φ(x)ᵀφ(y).
The engine asks it only for the rows that it needs and never for a whole K × K matrix.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Final

import torch
from torch import Tensor


class Kernel(ABC):
    """A positive semidefinite covariance function over embedding vectors.

    A subclass defines `__call__`; the other methods have defaults that follow from it and exist
    so that work which can be done once per call (normalising, say) is not done once per pick.
    """

    def features(self, vectors: Tensor) -> Tensor:
        """Prepare vectors once per call: `[..., n, d]` → `[..., n, d']`. Must not write into them.

        All other methods are given what this one returns.
        """
        return vectors

    @abstractmethod
    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """Covariances of two sets of features: `[B, n, d']` and `[B, m, d']` → `[B, n, m]`.

        Either batch dimension may be 1 and is then shared by the whole batch.
        """

    def diagonal(self, x: Tensor) -> Tensor:
        """Prior variances k(x, x): `[B, n, d']` → `[B, n]`."""
        batch, n, dim = x.shape
        points = x.reshape(batch * n, 1, dim)
        return self(points, points).reshape(batch, n)


class Cosine(Kernel):
    """k(x, y) = cos(x, y): the linear kernel on vectors of unit length, the paper's choice.

    A zero vector has no direction. Its features stay zero: as a passage it carries no information
    (its gain is 0); as a query it is an error, which `select` reports.

    Source: Hübotter et al., arXiv 2410.08020, section 3 (normalised embeddings).
    """

    def features(self, vectors: Tensor) -> Tensor:
        norm = torch.linalg.vector_norm(vectors, dim=-1, keepdim=True)
        # Squares of very small or very large entries leave float32's range; scale those first.
        if bool(((norm < 1e-15) | (norm > 1e18)).any()):
            largest = vectors.abs().amax(dim=-1, keepdim=True)
            vectors = vectors / torch.where(largest > 0, largest, 1.0)
            norm = torch.linalg.vector_norm(vectors, dim=-1, keepdim=True)
            norm = torch.where(norm > 0, norm, 1.0)
        unit: Tensor = vectors / norm
        return unit

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        return inner_products(x, y)

    def diagonal(self, x: Tensor) -> Tensor:
        return x.square().sum(dim=-1)

    def __repr__(self) -> str:
        return "Cosine()"


def inner_products(x: Tensor, y: Tensor) -> Tensor:
    """⟨x_i, y_j⟩: `[B, n, d]` and `[B, m, d]` → `[B, n, m]`; a batch of 1 is shared, not copied."""
    if y.shape[0] == 1 and x.shape[0] > 1:
        batch, n, dim = x.shape
        return (x.reshape(batch * n, dim) @ y[0].mT).reshape(batch, n, y.shape[1])
    return torch.matmul(x, y.mT)


KERNELS: Final[dict[str, type[Kernel]]] = {"cosine": Cosine}


def resolve_kernel(kernel: str | Kernel) -> Kernel:
    """The kernel object behind a name; an object is returned as it is.

    Raises:
        ValueError: for a name that is not known.
        TypeError: for anything that is neither a name nor a `Kernel`.
    """
    if isinstance(kernel, Kernel):
        return kernel
    if isinstance(kernel, str):
        if kernel not in KERNELS:
            raise ValueError(f"kernel must be one of {sorted(KERNELS)}; got {kernel!r}")
        return KERNELS[kernel]()
    raise TypeError(f"kernel must be a name or a Kernel object; got {type(kernel).__name__}")
