"""The objectives "variance" and "entropy" for one query, in numpy, row by row.

Cost: m + N passes over its K × d vectors; memory O(K (N + m)) beside them.
"""

from __future__ import annotations

import math

import numpy as np

from sift_retrievers.arrays import epsilon_of
from sift_retrievers.selection.problem import Objective, affordable, lowest_tie
from sift_retrievers.selection.solvers.prepared import Query, Vector
from sift_retrievers.selection.solvers.reference import whitening
from sift_retrievers.selection.solvers.sums import combined


def select_directed(query: Query, gains: Vector, variance: Vector) -> list[int]:
    """Make the picks; write gains `[k]` and the trace of the variance `[k + 1]` as far as they go.

    Returns:
        Positions among the query's candidates.
    """
    return _Selecting(query).run(gains, variance)


class _Selecting:
    """The state of one query's selection between picks; names as in `reference`."""

    def __init__(self, query: Query) -> None:
        self.query, self.noise = query, query.problem.noise
        self.entropy = query.problem.objective is Objective.ENTROPY
        self.c, v = query.cross(), query.variances()
        self.p = v + v.dtype.type(self.noise)  # v + λ′
        prior = query.prior
        self.sigma: list[float] = prior.diagonal().tolist()
        self.rows = np.empty((query.steps, len(v)), dtype=v.dtype)
        self.known = 0  # rows of u's factor that stand for the targets
        if self.entropy:
            of_targets = (whitening(prior[None])[0] @ self.c).astype(v.dtype)
            self.known = len(of_targets)
            self.u_rows = np.concatenate([of_targets, np.empty_like(self.rows)])
            self.u = np.maximum(v - np.square(of_targets).sum(axis=0), 0)

    def run(self, gains: Vector, variance: Vector) -> list[int]:
        query, steps = self.query, self.query.steps
        costs, groups, left = query.costs, query.groups, query.budget
        epsilon = epsilon_of(self.p)
        floor = [sigma * epsilon for sigma in self.sigma]
        barred = np.zeros_like(self.p)  # −inf for passages that may not be picked again
        first = 0.0
        picks: list[int] = []
        uncertainty = sum(self.sigma)
        variance[0] = uncertainty

        for n in range(steps):
            score = self._scores()
            score += barred  # rule 3
            if costs is not None:
                score[~affordable(costs, left, query.budget)] = -np.inf
            i = int(score.argmax())
            best = score.item(i)
            if best == -math.inf:
                break
            first = best if n == 0 else first
            i = int((score[: i + 1] >= lowest_tie(best, first, epsilon)).argmax())  # rule 2
            picks.append(i)
            if groups is not None:
                barred[groups == groups[i]] = -np.inf
            elif not query.problem.replacement:
                barred[i] = -np.inf
            if costs is not None:
                left -= float(costs[i])

            root = math.sqrt(self.p.item(i))
            a = [c.item(i) / root for c in self.c]
            before = uncertainty
            self.sigma = [
                max(s - x * x, least) for s, x, least in zip(self.sigma, a, floor, strict=True)
            ]
            uncertainty = sum(self.sigma)
            variance[n + 1] = uncertainty
            if self.entropy:
                gains[n] = max(0.0, math.log(root / math.sqrt(self.u.item(i) + self.noise)))
            else:
                lowered = sum(x * x for x in a) / before
                gains[n] = -0.5 * math.log1p(-min(lowered, 1.0 - epsilon))
            if n + 1 < steps:  # the candidates are not needed after the last pick
                self._condition(n, i, root, a)
        return picks

    def _condition(self, n: int, i: int, root: float, a: list[float]) -> None:
        """Rule 4: condition the candidates on the n-th pick, i."""
        prior_row, r = self.query.pool.row(i), self.query.r
        if r is not None:
            prior_row = prior_row * r
            prior_row *= r.item(i)
        row = np.multiply(prior_row, 1 / root, out=self.rows[n])
        if n > 0:
            row -= combined(self.rows[:n], self.rows[:n, i] / root)
        for c, x in zip(self.c, a, strict=True):
            c -= x * row
        self.p -= row * row
        np.maximum(self.p, self.noise, out=self.p)
        if self.entropy:
            known, u_root = self.known + n, math.sqrt(self.u.item(i) + self.noise)
            u_row = np.multiply(prior_row, 1 / u_root, out=self.u_rows[known])
            u_row -= combined(self.u_rows[:known], self.u_rows[:known, i] / u_root)
            self.u = np.minimum((self.u - u_row * u_row).clip(min=0), self.p - self.noise)

    def _scores(self) -> Vector:
        """Rule 1: `[K]`."""
        problem = self.query.problem
        if self.entropy:
            score: Vector = 0.5 * np.log(self.p / (self.u + self.noise))
            if problem.kernel.positive_only:
                score *= (self.c > 0).any(axis=0)
        else:
            counted = self.c.clip(min=0) if problem.kernel.positive_only else self.c
            score = counted[0] * counted[0] if len(counted) == 1 else (counted**2).sum(axis=0)
            score /= self.p
        return score
