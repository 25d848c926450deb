"""One query's greedy selection in numpy: every rule of `reference`, row by row.

Cost: m + N passes over its K × d vectors; memory O(K (N + m)) beside them.
"""

from __future__ import annotations

import math

import numpy as np

from sift_retrievers.selection.problem import Objective, affordable, lowest_tie
from sift_retrievers.selection.solvers.prepared import Query, Vector
from sift_retrievers.selection.solvers.reference import whitening

# BLAS libraries work on matrices below this size in one thread; above it the order of their sums,
# and so the last bits, may depend on the number of threads.
ONE_THREAD = 2**17


def select_one(query: Query, gains: Vector, variance: Vector) -> list[int]:
    """Make the picks; write gains `[k]` and the trace of the variance `[k + 1]` as far as they go.

    Returns:
        Positions among the query's candidates.
    """
    return _Selecting(query).run(gains, variance)


class _Selecting:
    """One query's selection under way; names as in `reference`."""

    def __init__(self, query: Query) -> None:
        self.query, self.objective = query, query.problem.objective
        self.noise = query.problem.noise
        self.c, self.v = query.cross(), query.variances()
        self.sigma: list[float] = query.prior.diagonal().tolist()
        self.left = query.budget
        steps = query.steps
        self.rows = np.empty((steps, len(self.v)), dtype=self.v.dtype)
        self.known = 0  # rows of u's factor that stand for the targets
        if self.objective is Objective.ENTROPY:
            of_targets = (whitening(query.prior[None])[0] @ self.c).astype(self.v.dtype)
            self.known = len(of_targets)
            self.u_rows = np.concatenate([of_targets, np.empty_like(self.rows)])
            self.u = np.maximum(self.v - np.square(of_targets).sum(axis=0), 0)

    def run(self, gains: Vector, variance: Vector) -> list[int]:
        query, noise = self.query, self.noise
        costs, groups = query.costs, query.groups
        epsilon = float(np.finfo(self.v.dtype).eps)
        floor = [sigma * epsilon for sigma in self.sigma]
        barred = np.zeros_like(self.v)  # −inf for passages that may not be picked again
        first: float | None = None
        picks: list[int] = []
        uncertainty = sum(self.sigma)
        variance[0] = uncertainty

        for n in range(query.steps):
            score = self._scores()
            score += barred  # rule 3
            if costs is not None:
                score[~affordable(costs, self.left, query.budget)] = -np.inf
            i = int(score.argmax())
            best = float(score[i])
            if best == -math.inf:
                break
            first = best if first is None else first
            i = int((score[: i + 1] >= lowest_tie(best, first, epsilon)).argmax())  # rule 2
            picks.append(i)
            if groups is not None:
                barred[groups == groups[i]] = -np.inf
            elif not query.problem.replacement:
                barred[i] = -np.inf
            if costs is not None:
                self.left -= float(costs[i])

            p = float(self.v[i]) + noise
            a = [float(c) / math.sqrt(p) for c in self.c[:, i]]
            before = uncertainty
            self.sigma = [
                max(s - x * x, least) for s, x, least in zip(self.sigma, a, floor, strict=True)
            ]
            uncertainty = sum(self.sigma)
            variance[n + 1] = uncertainty
            if self.objective is Objective.VARIANCE:
                lowered = sum(x * x for x in a) / before
                gains[n] = -0.5 * math.log1p(-min(lowered, 1.0 - epsilon))
            elif self.objective is Objective.ENTROPY:
                gains[n] = max(0.0, 0.5 * math.log(p / (float(self.u[i]) + noise)))
            else:
                gains[n] = 0.5 * math.log1p(float(self.v[i]) / noise)
            if n + 1 < query.steps:  # nobody looks at the candidates after the last pick
                self._condition(n, i, p, a)
        return picks

    def _condition(self, n: int, i: int, p: float, a: list[float]) -> None:
        """Rule 4: condition the candidates on the n-th pick, i."""
        prior_row = self.query.pool.row(i)
        if self.query.r is not None:
            prior_row = prior_row * (self.query.r * self.query.r[i])
        row = self.rows[n]
        if n == 0:
            np.multiply(prior_row, 1 / math.sqrt(p), out=row)
        else:
            np.subtract(prior_row, _combine(self.rows[:n], i), out=row)
            row *= 1 / math.sqrt(p)
        for c, x in zip(self.c, a, strict=True):
            c -= x * row
        self.v -= row * row
        np.maximum(self.v, 0, out=self.v)
        if self.objective is Objective.ENTROPY:
            known = self.known + n
            u_row = self.u_rows[known]
            np.subtract(prior_row, _combine(self.u_rows[:known], i), out=u_row)
            u_row /= math.sqrt(float(self.u[i]) + self.noise)
            self.u = np.minimum((self.u - u_row * u_row).clip(min=0), self.v)

    def _scores(self) -> Vector:
        """Rule 1: `[K]`."""
        problem, noise = self.query.problem, self.noise
        if self.objective is Objective.VARIANCE:
            counted = self.c.clip(min=0) if problem.kernel.positive_only else self.c
            squares = counted[0] * counted[0] if len(counted) == 1 else (counted**2).sum(axis=0)
            score: Vector = squares / (self.v + noise)
        elif self.objective is Objective.ENTROPY:
            score = 0.5 * np.log((self.v + noise) / (self.u + noise))
            if problem.kernel.positive_only:
                score *= (self.c > 0).any(axis=0)
        else:
            score = 0.5 * np.log1p(self.v / noise)
        if problem.per_cost and self.query.costs is not None:
            score /= self.query.costs
        return score


def _combine(rows: Vector, i: int) -> Vector:
    """Σ_s ℓ_s(x_i) ℓ_s for rows `[n, K]`: `[K]`."""
    if rows.size < ONE_THREAD:
        return np.asarray(rows[:, i] @ rows)
    return np.asarray(np.einsum("s,sk->k", rows[:, i], rows))
