"""What "similar" means: covariance functions of the surrogate f(x) = W φ(x).

A kernel maps two sets of embedding vectors to their covariances, k(x, y) = φ(x)ᵀφ(y). Solvers ask
it for the rows that they need, and never for the whole K × K matrix of the candidates.

A kernel of your own is a subclass of `Kernel` that defines `__call__`.
"""

from sift_retrievers.kernels.built_in import Cosine, Exponential, Linear, SharedNoise
from sift_retrievers.kernels.kernel import Kernel
from sift_retrievers.kernels.relevance_weighted import RelevanceWeighted

__all__ = ["Cosine", "Exponential", "Kernel", "Linear", "RelevanceWeighted", "SharedNoise"]
