"""`Coverage`: passages as sums of what their parts say, and the exact greedy selection of them.

The model. Passage x consists of units U(x), the phrases of its text, say. Each unit u has a value
g_u ~ N(0, 1) of its own, and what the passage says is their weighted sum,

    L(x) = r(x) Σ_{u ∈ U(x)} √(ω_xu / Ω_x) g_u,      Ω_x = Σ_u ω_xu,
    r(x)² = p exp(2γ (ρ(x) − max ρ)),

ρ(x) its relevance and p the chance that the most relevant passage is evidence at all, so that gains
of different questions can be compared. Whoever reads a passage observes each of its units with
noise of variance λ′. After the passages X_n, with m_u of them that hold unit u, the units are
independent still, and

    v_n(x) = r(x)² ν_n(x),      ν_n(x) = Σ_u (ω_xu / Ω_x) λ′ / (λ′ + m_u).

ν is the novelty of a passage: 1 where none of its units was read, λ′ / (1 + λ′) where each was
once. The pick is the passage with the largest information gain about L,

    I(L(x); L(x) + ε | X_n) = ½ log(1 + v_n(x) / λ′)  nats,      ε ~ N(0, λ′).

Small λ′ punishes repetition hard, large λ′ tends to the most relevant passages.

No value of v ever rises, so an old one is a bound: the passage with the largest is picked as soon
as its own is up to date (lazy greedy: Minoux 1978), which is exact and looks at few passages. No
K × K matrix is needed, and no vector.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sift_retrievers.acceleration import compiled
from sift_retrievers.stop_reason import StopReason

Float64 = npt.NDArray[np.float64]
Units = npt.NDArray[np.uint64]
Lengths = npt.NDArray[np.intp]

GAMMA: Final = 0.3
"""How much relevance counts against novelty; chosen in benchmarks/retrieval."""

# By the numbers that the compiled `cover` gives.
_REASONS: Final = (
    StopReason.K,
    StopReason.EXHAUSTED,
    StopReason.BUDGET,
    StopReason.MIN_NOVELTY,
    StopReason.MIN_GAIN,
)


@dataclass(frozen=True, eq=False)
class Coverage:
    """What K passages consist of, and how much their relevance counts.

    Raises:
        ValueError: for units or lengths that are not whole numbers or do not fit together, weights
            that are not one a unit, negative or not finite, a gamma that is negative or not finite,
            or a level outside of 0…1.
    """

    units: Units
    """Numbers (hashes) of the units of all passages, one passage after the other."""
    lengths: Lengths
    """`[K]` how many each passage has. One without any says nothing: its v is 0."""
    weights: Float64 | None = None
    """ω of every unit; None: all alike."""
    gamma: float = GAMMA
    """γ, in one over the standard deviation of the relevance."""
    level: float = 1.0
    """p: the chance that the most relevant passage is evidence. It scales gains and changes no
    pick."""

    def __post_init__(self) -> None:
        for name, highest in (("gamma", math.inf), ("level", 1.0)):
            value = getattr(self, name)
            number = float(value) if isinstance(value, Real) else math.nan
            if not (math.isfinite(number) and 0 <= number <= highest):
                bounds = "finite and at least 0" if name == "gamma" else "a chance, 0 to 1"
                raise ValueError(f"{name} must be {bounds}; got {value!r}")
        units = np.ascontiguousarray(_whole(self.units, "units"))
        lengths = np.ascontiguousarray(_whole(self.lengths, "lengths").astype(np.intp, copy=False))
        weights = self.weights
        if weights is not None:
            weights = np.ascontiguousarray(weights, dtype=np.float64)
        object.__setattr__(self, "units", units)
        object.__setattr__(self, "lengths", lengths)
        object.__setattr__(self, "weights", weights)
        if lengths.min(initial=0) < 0 or lengths.sum() != len(units):
            raise ValueError(
                f"lengths must be those of K passages with {len(units)} units in all; they "
                f"sum to {int(lengths.sum())}"
            )
        # Neither is so for a NaN.
        if weights is not None and not (
            weights.shape == units.shape
            and weights.min(initial=0.0) >= 0
            and weights.max(initial=0.0) < math.inf
        ):
            raise ValueError(
                "weights must be one finite number of at least 0 a unit; got "
                f"{weights.shape} for {len(units)} units"
            )

    def __len__(self) -> int:
        return len(self.lengths)

    def relevance_weights(
        self, relevance: npt.ArrayLike, allowed: npt.NDArray[np.bool_] | None = None
    ) -> Float64:
        """r² `[K]` of relevances `[K]`; the largest is that of an allowed one."""
        rho = np.asarray(relevance, dtype=np.float64)
        if rho.shape != (len(self),) or not np.isfinite(rho).all():
            raise ValueError(
                f"relevance must be finite numbers [K={len(self)}]; got shape {rho.shape} with "
                f"{int((~np.isfinite(rho)).sum())} NaN or infinite values"
            )
        among = rho if allowed is None else rho[allowed]
        top = among.max() if len(among) else 0.0
        weights: Float64 = self.level * np.exp(np.minimum(2 * self.gamma * (rho - top), 0.0))
        return np.where(self.lengths > 0, weights, 0.0)


@dataclass(frozen=True)
class Covered:
    """The picks, and what each was worth where it was picked; all `[N]`, in selection order."""

    indices: npt.NDArray[np.int64]
    gains: Float64
    """Nats."""
    novelty: Float64
    """ν: 0…1."""
    variance: Float64
    """v: 0…1, never rising."""
    stop_reason: StopReason


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


def cover(
    coverage: Coverage,
    relevance: npt.ArrayLike,
    k: int,
    *,
    lambda_: float = 0.1,
    min_gain: float | None = None,
    min_novelty: float | None = None,
    costs: npt.ArrayLike | None = None,
    budget: float | None = None,
    groups: npt.ArrayLike | None = None,
    allowed: npt.NDArray[np.bool_] | None = None,
) -> Covered:
    """Pick at most k passages by the rule above; equal ones by position.

    Args:
        coverage: of K passages.
        relevance: `[K]` ρ, in its standard deviations among the passages.
        k: picks wanted.
        lambda_: λ′.
        min_gain: end before the first pick that gains fewer nats.
        min_novelty: pass over passages with a smaller ν; 0…1.
        costs: `[K]` of each passage.
        budget: what all picks together may cost; a passage that costs more than what is left is
            passed over.
        groups: `[K]` whole numbers: no two picks come from one group.
        allowed: `[K]` which passages may be picked; default: all.

    Raises:
        ValueError: for relevance that is not `[K]` finite numbers.
    """
    rule = CoverRule(
        values=coverage.relevance_weights(relevance, allowed),
        k=k,
        lambda_=lambda_,
        min_gain=-math.inf if min_gain is None else min_gain,
        min_novelty=-math.inf if min_novelty is None else min_novelty,
        costs=None if costs is None else np.ascontiguousarray(costs, dtype=np.float64),
        budget=math.inf if budget is None else float(budget),
        groups=None if groups is None else _numbered(groups),
        allowed=None if allowed is None else np.ascontiguousarray(allowed, dtype=np.bool_),
    )
    native = compiled()
    if native is None:
        indices, novelty, variance, reason = cover_arrays(coverage, rule)
    else:
        found = native.cover(
            coverage.units.astype(np.uint64, copy=False),
            coverage.lengths,
            coverage.weights,
            rule.values,
            rule.allowed,
            rule.costs,
            rule.groups,
            rule.k,
            rule.lambda_,
            rule.min_gain,
            rule.min_novelty,
            rule.budget,
        )
        indices = np.frombuffer(found[0], dtype=np.int64)
        novelty, variance = np.frombuffer(found[1]), np.frombuffer(found[2])
        reason = _REASONS[found[3]]
    return Covered(
        indices=indices,
        gains=_nats(variance, lambda_),
        novelty=novelty,
        variance=variance,
        stop_reason=reason,
    )


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
        if _nats(bounds[i], rule.lambda_) < rule.min_gain:
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


def novelty_after(coverage: Coverage, observed: Sequence[int], lambda_: float) -> Float64:
    """ν `[K]` of every passage after some were read."""
    novelty = Novelty(coverage, lambda_)
    for i in observed:
        novelty.read(i)
    return np.array([novelty.of(i) for i in range(len(coverage))])


def _whole(values: Any, name: str) -> npt.NDArray[Any]:
    array = np.asarray(values)
    if array.ndim != 1 or (array.dtype.kind not in "iu" and len(array) > 0):
        raise ValueError(
            f"{name} must be whole numbers in one row; got shape {array.shape} of {array.dtype}"
        )
    return array if len(array) > 0 else array.astype(np.uint64)


def _numbered(groups: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """A whole number for each group."""
    given = np.asarray(groups)
    if given.dtype.kind not in "iub":
        given = np.unique(given, return_inverse=True)[1]
    return np.ascontiguousarray(given.astype(np.int64, copy=False))


def _nats(variance: Any, lambda_: float) -> Any:
    return 0.5 * np.log1p(variance / lambda_)
