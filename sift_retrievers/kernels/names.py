"""The names of the kernels."""

from __future__ import annotations

from typing import Final, TypeAlias

from sift_retrievers.kernels.built_in import Cosine, Exponential, Linear, SharedNoise
from sift_retrievers.kernels.kernel import Kernel
from sift_retrievers.kernels.relevance_weighted import RelevanceWeighted

KernelLike: TypeAlias = str | Kernel

KERNELS: Final[dict[str, type[Kernel]]] = {
    "cosine": Cosine,
    "linear": Linear,
    "exponential": Exponential,
    "relevance": RelevanceWeighted,
    "shared_noise": SharedNoise,
}


def resolve_kernel(kernel: KernelLike) -> Kernel:
    """The kernel of a name, with its default parameters; a kernel object is returned as it is.

    Raises:
        ValueError: for a name that is not known.
        TypeError: for anything that is neither a name nor a kernel.
    """
    if isinstance(kernel, Kernel):
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
