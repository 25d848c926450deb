"""Brute force in float64: every quantity by its definition, a linear system a subset.

Written for reading, from the formulas alone; nothing is shared with the package.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]


def unit(x: npt.ArrayLike) -> Float:
    rows = np.asarray(x, dtype=np.float64)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)


@dataclass(frozen=True)
class OracleKernel:
    """Covariances: among passages, of targets and passages, among targets."""

    passages: Callable[[npt.ArrayLike, npt.ArrayLike], Float]
    cross: Callable[[npt.ArrayLike, npt.ArrayLike], Float]
    targets: Callable[[npt.ArrayLike, npt.ArrayLike], Float]


def cosine() -> OracleKernel:
    def k(x: npt.ArrayLike, y: npt.ArrayLike) -> Float:
        return unit(x) @ unit(y).T

    return OracleKernel(k, k, k)


def linear() -> OracleKernel:
    def k(x: npt.ArrayLike, y: npt.ArrayLike) -> Float:
        return np.asarray(x, dtype=np.float64) @ np.asarray(y, dtype=np.float64).T

    return OracleKernel(k, k, k)


def exponential(beta: float, beta_t: float | None = None) -> OracleKernel:
    """The Gaussian kernel exp(−β/2 ‖a − b‖²) of unit passages and targets of length β_t / β."""
    radius = 1.0 if beta_t is None else beta_t / beta

    def gauss(a: Float, b: Float) -> Float:
        squares = ((a[:, None] - b[None]) ** 2).sum(axis=2)
        return np.exp(-0.5 * beta * squares)

    return OracleKernel(
        lambda x, y: gauss(unit(x), unit(y)),
        lambda t, x: gauss(radius * unit(t), unit(x)),
        lambda t, s: gauss(radius * unit(t), radius * unit(s)),
    )


def shared_noise(error: float, beta: float) -> OracleKernel:
    """The cosine, and among passages an error that near-duplicates share."""
    gauss = exponential(beta).passages

    def k(x: npt.ArrayLike, y: npt.ArrayLike) -> Float:
        return unit(x) @ unit(y).T

    return OracleKernel(lambda x, y: k(x, y) + error * gauss(x, y), k, k)


@dataclass(frozen=True)
class OracleProblem:
    """One query's problem, with every covariance computed once."""

    targets: npt.ArrayLike
    candidates: npt.ArrayLike
    noise: float
    kernel: OracleKernel = field(default_factory=cosine)
    objective: str = "variance"
    weights: npt.ArrayLike | None = None
    positive_only: bool = False
    replacement: bool = False

    def __post_init__(self) -> None:
        count = len(np.asarray(self.candidates))
        r = np.ones(count) if self.weights is None else np.asarray(self.weights, dtype=np.float64)
        gram = self.kernel.passages(self.candidates, self.candidates) * np.outer(r, r)
        cross = self.kernel.cross(self.targets, self.candidates) * r
        object.__setattr__(self, "gram", gram)
        object.__setattr__(self, "cross", cross)
        object.__setattr__(self, "prior", self.kernel.targets(self.targets, self.targets))

    gram: Float = field(init=False)
    cross: Float = field(init=False)
    prior: Float = field(init=False)

    def posterior(self, observed: Sequence[int]) -> tuple[Float, Float, Float]:
        """Posterior covariances: among targets `[m, m]`, cross `[m, K]`, variances `[K]`."""
        s = list(observed)
        if not s:
            return self.prior, self.cross, self.gram.diagonal().copy()
        noisy = self.gram[np.ix_(s, s)] + self.noise * np.eye(len(s))
        to_targets = np.linalg.solve(noisy, self.cross[:, s].T)
        to_candidates = np.linalg.solve(noisy, self.gram[s])
        return (
            self.prior - self.cross[:, s] @ to_targets,
            self.cross - self.cross[:, s] @ to_candidates,
            self.gram.diagonal() - (self.gram[:, s] * to_candidates.T).sum(axis=1),
        )

    def variance(self, observed: Sequence[int]) -> float:
        """Posterior variance summed over the targets; a repeated index counts again."""
        return float(np.trace(self.posterior(observed)[0]))

    def scores(self, observed: Sequence[int], *, as_ranked: bool = True) -> Float:
        """`[K]` what each possible next pick is worth by the objective.

        As ranked: with `positive_only` obeyed, and −inf where the pick is not allowed.
        """
        sigma, c, v = self.posterior(observed)
        count = len(self.gram)
        if self.objective == "variance":
            if self.positive_only and as_ranked:
                score = (np.maximum(c, 0) ** 2).sum(axis=0) / (v + self.noise)
            else:
                score = np.array(
                    [np.trace(sigma) - self.variance([*observed, j]) for j in range(count)]
                )
        elif self.objective == "entropy":
            explained = np.einsum("tj,ts,sj->j", c, np.linalg.pinv(sigma, rcond=1e-10), c)
            left = np.maximum(v - explained, 0)
            score = 0.5 * np.log((v + self.noise) / (left + self.noise))
            if self.positive_only and as_ranked:
                score = score * (c > 0).any(axis=0)
        else:
            score = 0.5 * np.log1p(v / self.noise)
        if not self.replacement and as_ranked:
            score[list(observed)] = -np.inf
        return score

    def worst_errors(
        self,
        indices: Sequence[int],
        gains: Sequence[float],
        variance: Sequence[float],
    ) -> tuple[float, float, float]:
        """Largest regret of a pick given its prefix, largest errors of the gains and the variance.

        Regret and variance are in units of σ²_0 for "variance", regret in nats otherwise.
        """
        start = self.variance([])
        scale = start if self.objective == "variance" else 1.0
        regret, gain_error, variance_error = 0.0, 0.0, abs(variance[0] - start) / start
        for n, pick in enumerate(indices):
            score = self.scores(indices[:n])
            regret = max(regret, float(score.max() - score[pick]) / scale)
            before, after = self.variance(indices[:n]), self.variance(indices[: n + 1])
            gain = 0.5 * np.log(before / after)
            if self.objective != "variance":
                gain = self.scores(indices[:n], as_ranked=False)[pick]
            # A gain is the log of a ratio: it can be no more exact than what is left, relatively.
            left = after / start if self.objective == "variance" else 1.0
            gain_error = max(gain_error, abs(gains[n] - float(gain)) * left)
            variance_error = max(variance_error, abs(variance[n + 1] - after) / start)
        return regret, gain_error, variance_error


def left_of_units(observed: Sequence[set[int]], noise: float) -> Callable[[int], float]:
    """λ′ / (λ′ + m_u) of a unit, m_u of the observed sets have it."""
    return lambda unit: noise / (noise + sum(unit in one for one in observed))


@dataclass(frozen=True)
class OracleCoverage:
    """Passages as bags of weighted units, from sets and counts alone; one choice, by definition."""

    bags: Sequence[Sequence[tuple[int, float]]]
    """Of every passage (unit, weight), as often as it stands there."""
    relevance: Sequence[float]
    noise: float
    gamma: float = 0.3
    level: float = 1.0
    allowed: Sequence[bool] | None = None
    groups: Sequence[int] | None = None
    costs: Sequence[float] | None = None
    budget: float = float("inf")
    min_novelty: float = 0.0

    def novelty(self, i: int, observed: Sequence[int]) -> float:
        if not self.bags[i]:  # says nothing
            return 0.0
        total = sum(weight for _, weight in self.bags[i])
        if total == 0:
            return 1.0
        left = left_of_units([{unit for unit, _ in self.bags[j]} for j in observed], self.noise)
        return sum(weight * left(unit) for unit, weight in self.bags[i]) / total

    def relevance_weight(self, i: int) -> float:
        among = [r for j, r in enumerate(self.relevance) if self.allowed is None or self.allowed[j]]
        if not self.bags[i]:  # says nothing
            return 0.0
        return self.level * float(np.exp(2 * self.gamma * (self.relevance[i] - max(among))))

    def variance(self, i: int, observed: Sequence[int]) -> float:
        return self.relevance_weight(i) * self.novelty(i, observed)

    def gain(self, i: int, observed: Sequence[int]) -> float:
        return 0.5 * float(np.log1p(self.variance(i, observed) / self.noise))

    def may_be_picked(self, observed: Sequence[int]) -> list[int]:
        """Passages that no rule forbids after those observed."""
        left = self.budget - sum(self.costs[j] for j in observed) if self.costs is not None else 0.0
        taken = set() if self.groups is None else {self.groups[j] for j in observed}
        return [
            i
            for i in range(len(self.bags))
            if i not in observed
            and (self.allowed is None or self.allowed[i])
            and (self.groups is None or self.groups[i] not in taken)
            and (self.costs is None or self.costs[i] <= left + 1e-9)
            and self.novelty(i, observed) >= self.min_novelty
        ]
