"""`Problem`, what every solver is given, and `Picks`, what it returns.

Rules 2 and 3 are those of `solvers.reference`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sift_retrievers.arrays import Array
from sift_retrievers.kernels.kernel import Kernel
from sift_retrievers.kernels.weighting import Weighting

ROUNDING: Final = 16.0
"""Rule 2: scores within this many ε of √(best · first pick's score) of the best are ties."""


MOST_PADDED: Final = 2**16
"""Results are padded to k up to this k. For a larger k they end with the last possible pick."""


class Objective(StrEnum):
    """What each pick should achieve."""

    VARIANCE = "variance"
    """Lower the posterior variance, summed over the targets (SIFT; with several targets: VTL)."""
    ENTROPY = "entropy"
    """Gain the most information about the targets jointly (ITL)."""
    UNDIRECTED = "undirected"
    """Gain the most information about the surrogate itself; the query matters only through the
    weights of passages."""


@dataclass(frozen=True)
class Problem:
    """One batch of selection problems, validated: all arrays numpy, or tensors on one device.

    Candidates may still be NaN or infinite: solvers check them, as they read them anyway.
    """

    targets: Array
    """`[B, m, d]` the m targets of every query; their type is the one to compute in."""
    candidates: Array
    """`[B, K, d]` the candidates, of the same type, or of half precision on a GPU; `[1, K, d]`
    where all queries share one pool; with `ids`, the matrix `[1, N, d]` that they point into."""
    kernel: Kernel
    """Without weights."""
    noise: float
    """λ′ > 0, the variance of the observation noise."""
    k: int
    """Picks wanted, at least 1; any number, also without replacement."""
    objective: Objective = Objective.VARIANCE
    replacement: bool = False
    """Whether a passage may be picked again."""
    ids: Array | None = None
    """`[B, K]` int64 rows of the matrix that each query may pick from; −1 for none."""
    weighting: Weighting | None = None
    """How passages are weighted: k(x, y) is multiplied by r(x) r(y). None: they are not."""
    relevance: Array | None = None
    """`[B, K]` relevance to weigh passages by; None: the cosine to the nearest target."""
    costs: Array | None = None
    """`[B, K]` float64, what each candidate costs."""
    budget: Array | None = None
    """`[B]` float64, what may be spent."""
    groups: Array | None = None
    """`[B, K]` int64 group of each candidate; no two picks come from one group."""

    @property
    def batch(self) -> int:
        """B, the number of queries."""
        return int(self.targets.shape[0])

    @property
    def pool_size(self) -> int:
        """K, the candidates of a query."""
        return int((self.candidates if self.ids is None else self.ids).shape[1])

    @property
    def steps(self) -> int:
        """Picks that can be made: at most k, and without replacement at most K."""
        size = self.pool_size
        return self.k if self.replacement and size > 0 else min(self.k, size)

    @property
    def places(self) -> int:
        """Length of the arrays of picks that a solver returns."""
        return places_for(self.k, self.steps)


@dataclass(frozen=True)
class Picks:
    """What a solver returns: arrays of n = `Problem.places`, padded where it ended early."""

    indices: Array
    """`[B, n]` positions among the K candidates, int64, in selection order; −1 after the end."""
    gains: Array
    """`[B, n]` nats; 0 after the end."""
    variance: Array
    """`[B, n + 1]` posterior variance summed over the targets, before and after every pick, its
    last value repeated after the end. The undirected objective reports it, too, but ignores it."""


def places_for(k: int, steps: int) -> int:
    """Length of the arrays of picks: k, although fewer picks may be possible.

    For a k above `MOST_PADDED`, which asks for all candidates: the number of possible picks.
    """
    return k if k <= MOST_PADDED else steps


def lowest_tie(best: float, first: float, epsilon: float) -> float:
    """Rule 2: the lowest score that counts as equal to the best.

    Args:
        best: the highest score now.
        first: the score of the first pick.
        epsilon: of the arithmetic that the scores were computed in.
    """
    return best - ROUNDING * epsilon * math.sqrt(max(best, 0.0) * max(first, 0.0))


def affordable(cost: Array, left: Array, budget: Array) -> Array:
    """Rule 3: whether a cost is at most what is left of a budget.

    The tolerance is for rounding: ten costs of 0.1 fit a budget of 1.0.
    """
    return cost <= left + 1e-12 * budget
