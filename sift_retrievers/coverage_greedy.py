"""The exact lazy greedy selection of passages by their units, one step after the other.

The rule is in `sift_retrievers.coverage`. The compiled function does the same, and is tested
against this.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sift_retrievers.stop_reason import StopReason

if TYPE_CHECKING:
    from sift_retrievers.coverage import Coverage

Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class CoverRule:
    """What `cover` was asked for, with a value for all that was left out."""

    values: Float64
    """r² `[K]`."""
    k: int
    lambda_: float
    min_gain: float
    min_novelty: float
    costs: Float64 | None
    budget: float
    groups: npt.NDArray[np.int64] | None
    allowed: npt.NDArray[np.bool_] | None


def cover_arrays(
    coverage: Coverage, rule: CoverRule
) -> tuple[npt.NDArray[np.int64], Float64, Float64, StopReason]:
    """The picks, ν and v of each, and why it ended: by numpy, one step after the other."""
    bounds = rule.values.copy()
    if rule.allowed is not None:
        bounds[~rule.allowed] = -math.inf
    novelty = Novelty(coverage, rule.lambda_)
    left = rule.budget
    picks: list[tuple[int, float, float]] = []
    reason = StopReason.K
    repeated = dear = False
    while len(picks) < rule.k:
        i = int(bounds.argmax()) if len(bounds) else -1
        if i < 0 or bounds[i] == -math.inf:
            reason = StopReason.EXHAUSTED
            if dear:
                reason = StopReason.BUDGET
            elif repeated:
                reason = StopReason.MIN_NOVELTY
            break
        if rule.costs is not None and rule.costs[i] > left * (1 + 1e-12):
            bounds[i], dear = -math.inf, True
            continue
        if not novelty.is_current(i):
            bounds[i] = rule.values[i] * novelty.of(i)
            continue
        if novelty.of(i) < rule.min_novelty:
            bounds[i], repeated = -math.inf, True
            continue
        if nats(bounds[i], rule.lambda_) < rule.min_gain:
            reason = StopReason.MIN_GAIN
            break
        picks.append((i, novelty.of(i), float(bounds[i])))
        novelty.read(i)
        bounds[i if rule.groups is None else rule.groups == rule.groups[i]] = -math.inf
        left -= 0.0 if rule.costs is None else float(rule.costs[i])
    return (
        np.array([i for i, _, _ in picks], dtype=np.int64),
        np.array([nu for _, nu, _ in picks]),
        np.array([v for _, _, v in picks]),
        reason,
    )


class Novelty:
    """How new every passage is after those that were read; brought up to date when asked."""

    def __init__(self, coverage: Coverage, lambda_: float) -> None:
        self._coverage = coverage
        self._lambda = lambda_
        self._ends = np.cumsum(coverage.lengths).tolist()
        distinct, self._ids = np.unique(coverage.units, return_inverse=True)
        self._times = np.zeros(len(distinct))
        self._left = np.ones(len(distinct))
        self._reads = 0
        self._current = [0] * len(coverage)
        self._values = (coverage.lengths > 0).astype(np.float64).tolist()  # who says nothing: 0

    def read(self, i: int) -> None:
        """Passage i was read."""
        ids = self._ids[self._rows(i)]
        self._times[ids] += 1  # once for a unit that stands there twice: numpy adds to what it was
        self._left[ids] = self._lambda / (self._lambda + self._times[ids])
        self._reads += 1

    def is_current(self, i: int) -> bool:
        return self._current[i] == self._reads

    def of(self, i: int) -> float:
        """ν of passage i."""
        if not self.is_current(i):
            self._current[i] = self._reads
            self._values[i] = self._compute(self._rows(i))
        return float(self._values[i])

    def _rows(self, i: int) -> slice:
        return slice(self._ends[i - 1] if i else 0, self._ends[i])

    def _compute(self, rows: slice) -> float:
        left = self._left[self._ids[rows]]
        if len(left) == 0:
            return 0.0
        if self._coverage.weights is None:
            return min(float(left.mean()), 1.0)
        weights = self._coverage.weights[rows]
        total = float(weights.sum())
        # The two sums may round differently.
        return min(float((left * weights).sum()) / total, 1.0) if total > 0 else 1.0


def nats(variance: Any, lambda_: float) -> Any:
    """½ log(1 + v / λ′)."""
    return 0.5 * np.log1p(variance / lambda_)
