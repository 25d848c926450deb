"""What "similar" means: covariance functions of the surrogate f(x) = W φ(x).

A kernel maps two sets of embedding vectors to their covariances, k(x, y) = φ(x)ᵀφ(y).
The engine asks it only for the rows that it needs and never for a whole K × K matrix.

A kernel of your own is a subclass of `Kernel` that defines `__call__`.
"""

from sift_retrievers.kernels.built_in import (
    BUILT_IN_KERNELS,
    Cosine,
    Exponential,
    Linear,
    SharedNoise,
)
from sift_retrievers.kernels.kernel import InnerProductKernel, Kernel
from sift_retrievers.kernels.names import KERNELS, KernelLike, resolve_kernel
from sift_retrievers.kernels.products import inner_products, unit_vectors
from sift_retrievers.kernels.relevance_weighted import RelevanceWeighted

__all__ = [
    "BUILT_IN_KERNELS",
    "KERNELS",
    "Cosine",
    "Exponential",
    "InnerProductKernel",
    "Kernel",
    "KernelLike",
    "Linear",
    "RelevanceWeighted",
    "SharedNoise",
    "inner_products",
    "resolve_kernel",
    "unit_vectors",
]
