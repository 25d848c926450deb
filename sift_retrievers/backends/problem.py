"""What every backend is given, and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from torch import Tensor

from sift_retrievers.kernels import Kernel

# Scores within this multiple of ε times the first pick's score are ties (rule 2 of the reference).
ROUNDING = 16.0


class Objective(StrEnum):
    """What a pick is to do."""

    VARIANCE = "variance"
    """Lower the posterior variance, summed over the targets (SIFT; several targets: VTL)."""
    ENTROPY = "entropy"
    """Gain the most information about the targets jointly (ITL)."""
    UNDIRECTED = "undirected"
    """Gain the most information about the surrogate itself; the query enters by weights only."""


@dataclass(frozen=True)
class Problem:
    """One batch of selection problems, validated, on one device."""

    targets: Tensor
    """`[B, m, d]` the m targets of every query; their type is the one to compute in."""
    candidates: Tensor
    """`[B, K, d]` the candidates, of the same type, or of half precision on a GPU; `[1, K, d]`
    where all queries share one pool; with `ids`, the matrix `[1, N, d]` that they point into."""
    kernel: Kernel
    noise: float
    """λ′ > 0, the variance of the observation noise."""
    k: int
    """Picks wanted, at least 1."""
    objective: Objective = Objective.VARIANCE
    replacement: bool = False
    """Whether a passage may be picked again."""
    ids: Tensor | None = None
    """`[B, K]` rows of the matrix that each query may pick from; −1 for none (ragged pools)."""
    weights: Tensor | None = None
    """`[B, K]` r: the kernel among passages is r(x) k(x, y) r(y)."""
    costs: Tensor | None = None
    """`[B, K]` what each candidate costs."""
    budget: Tensor | None = None
    """`[B]` what may be spent."""
    per_cost: bool = False
    """Rank by score per unit of cost."""
    groups: Tensor | None = None
    """`[B, K]` int64 group of each candidate; no two picks come from one group."""

    @property
    def batch(self) -> int:
        """B, the number of queries."""
        return self.targets.shape[0]

    @property
    def pool_size(self) -> int:
        """K, the candidates of a query."""
        return self.ids.shape[1] if self.ids is not None else self.candidates.shape[1]

    @property
    def steps(self) -> int:
        """Picks that can be made: without replacement no more than there are candidates."""
        if self.replacement and self.pool_size > 0:
            return self.k
        return min(self.k, self.pool_size)


def few_rows(ids: Tensor, candidates: Tensor) -> bool:
    """Whether `ids` `[B, K]` points to fewer rows than the matrix `[1, N, d]` has, on a CPU.

    Then nothing is computed for the whole matrix, which may be much larger.
    """
    return candidates.device.type == "cpu" and ids.numel() < candidates.shape[1]


@dataclass(frozen=True)
class Picks:
    """The outcome, padded to k picks where a selection ended early."""

    indices: Tensor
    """`[B, k]` positions among the K candidates, int64, in selection order; −1 after the end."""
    gains: Tensor
    """`[B, k]` nats; 0 after the end."""
    variance: Tensor
    """`[B, k + 1]` posterior variance summed over the targets, before and after every pick, its
    last value repeated after the end; of the undirected objective too, whose picks ignore it."""
