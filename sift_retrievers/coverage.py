"""`Coverage`: passages as sums of their parts, and the exact greedy selection among them.

The model. Passage x consists of units U(x), the phrases of its text, say. Each unit u has a value
g_u ~ N(0, 1) of its own, and what the passage says is their weighted sum,

    L(x) = r(x) Σ_{u ∈ U(x)} √(ω_xu / Ω_x) g_u,      Ω_x = Σ_u ω_xu,
    r(x)² = p exp(2γ (ρ(x) − max ρ)),

with ρ(x) its relevance, and p the chance that the most relevant passage is evidence at all, so that
gains of different questions can be compared. Reading a passage means observing each of its units
with noise of variance λ′. After reading the passages X_n, of which m_u contain unit u, the units
are still independent, and

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
from typing import Any, ClassVar, Final

import numpy as np
import numpy.typing as npt

from sift_retrievers.acceleration import compiled
from sift_retrievers.coverage_greedy import CoverRule, Novelty, cover_arrays, nats
from sift_retrievers.stop_reason import StopReason

Float64 = npt.NDArray[np.float64]
Units = npt.NDArray[np.uint64]
Lengths = npt.NDArray[np.intp]

GAMMA: Final = 0.3
"""How much relevance counts against novelty; chosen in benchmarks/retrieval."""

# Indexed by the number that the compiled `cover` returns.
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
    suggested_lambda: ClassVar[float] = 0.1
    """The λ′ that suits retrieval, as `Kernel.suggested_lambda`."""
    suggested_objective: ClassVar[str] = "undirected"
    weighs_relevance: ClassVar[bool] = True

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
        # No sum of lengths that are at most that of the units leaves the range of int64.
        wrong = lengths.min(initial=0) < 0 or lengths.max(initial=0) > len(units)
        if wrong or lengths.sum() != len(units):
            raise ValueError(
                f"lengths must be those of K passages with {len(units)} units in all; they "
                f"sum to {int(lengths.sum())}"
            )
        # Both comparisons are false for NaN.
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
        gains=nats(variance, lambda_),
        novelty=novelty,
        variance=variance,
        stop_reason=reason,
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
