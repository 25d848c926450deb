"""What every backend is given, and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from sift_retrievers.kernels import Kernel


@dataclass(frozen=True)
class Problem:
    """One batch of selection problems, validated, on one device and in one floating-point type."""

    targets: Tensor
    """`[B, m, d]` features of the m targets of every query."""
    candidates: Tensor
    """`[B, K, d]` features of the candidates, or `[1, K, d]` where all queries share one pool."""
    kernel: Kernel
    noise: float
    """λ′ > 0, the variance of the observation noise."""
    k: int
    """Picks wanted, at least 1; without replacement fewer are made where K < k."""
    replacement: bool
    """Whether a passage may be picked again."""

    @property
    def steps(self) -> int:
        """Picks that can be made."""
        n_candidates = self.candidates.shape[1]
        if self.replacement and n_candidates > 0:
            return self.k
        return min(self.k, n_candidates)


@dataclass(frozen=True)
class Picks:
    """The outcome of n = `Problem.steps` picks."""

    indices: Tensor
    """`[B, n]` positions of the picked candidates, int64, in selection order."""
    variance: Tensor
    """`[B, n + 1]` posterior variance summed over the targets, before and after every pick."""
