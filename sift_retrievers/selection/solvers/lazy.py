"""One query's "undirected" selection in numpy, exact and lazy.

The variance of a candidate only falls, so an old value is an upper bound (lazy greedy: Minoux
1978). Only candidates whose bound reaches the best up-to-date value are updated, in blocks. With
the picks p_1 … p_n, the Cholesky factor L of K_P + λ′ I, and M = L⁻¹, which grows by a row a pick,

    v_n(x) = v_0(x) − ‖M k(P, x)‖².

So a block costs its inner products with the picks since its last update, and no row of covariances
with all candidates is needed. Everything but the inner products is computed in float64.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from sift_retrievers.arrays import epsilon_of
from sift_retrievers.selection.problem import affordable, lowest_tie
from sift_retrievers.selection.solvers.prepared import Query, Vector

BLOCK = 24
"""Candidates that are brought up to date at a time."""
SHARE = 0.5
"""Updates that are worth it, as a share of the candidates, beside one block a pick."""

Positions = npt.NDArray[np.intp]
Float64 = npt.NDArray[np.float64]


class NotWorthIt(Exception):  # noqa: N818  # no error
    """The lazy way saves nothing: nearly all candidates would have to be updated."""


def select_lazily(query: Query, gains: Vector, variance: Vector) -> list[int]:
    """Make the picks; write gains `[k]` and the trace of the variance `[k + 1]` as far as they go.

    Returns:
        Positions among the query's candidates.

    Raises:
        NotWorthIt: where `select_eagerly` is the cheaper one.
    """
    epsilon = epsilon_of(query.products)
    left = query.budget
    candidates = _Candidates(query)
    answer = _Answer(query, epsilon)
    variance[0] = answer.uncertainty
    first: float | None = None
    picks: list[int] = []
    for n in range(query.steps):
        if query.costs is not None:  # what is left only falls, so this is for good
            candidates.bar(~affordable(query.costs, left, query.budget))
        best = candidates.best()
        if best is None:
            break
        first = candidates.gain(best) if first is None else first
        i = candidates.lowest_of(best, first, epsilon)
        picks.append(i)
        gains[n] = candidates.gain(i)
        row = candidates.observe(i)
        variance[n + 1] = answer.observe(i, row)
        if query.groups is not None:
            candidates.bar(query.groups == query.groups[i])
        elif not query.problem.replacement:
            candidates.bar(i)
        if query.costs is not None:
            left -= float(query.costs[i])
    return picks


class _Candidates:
    """The variances of the candidates, as far as they are known."""

    def __init__(self, query: Query) -> None:
        self.query, self.noise = query, query.problem.noise
        self.prior = query.variances().astype(np.float64)
        count, steps = len(self.prior), query.steps
        self.v = self.prior.copy()
        self.rank = self.v.copy()  # v, which the score rises with; −inf: may not be picked
        self.age = np.zeros(count, dtype=np.intp)  # picks that v knows of
        self.covariances = np.zeros((count, steps))  # with the picks that v knows of
        self.inverse = np.zeros((steps, steps))  # M
        self.picks = np.zeros(steps, dtype=np.intp)
        self.made = self.updated = 0

    def bar(self, which: int | npt.NDArray[np.bool_]) -> None:
        self.rank[which] = -math.inf

    def best(self) -> int | None:
        """A candidate with the highest rank, up to date; None if none may be picked."""
        while True:
            i = int(self.rank.argmax())
            if self.rank[i] == -math.inf:
                return None
            if self.age[i] == self.made:
                return i
            known = self.rank[self.age == self.made]
            self._update(self._stale(known.max() if len(known) else -math.inf))

    def lowest_of(self, best: int, first: float, epsilon: float) -> int:
        """Rule 2: the first of those that score as the best one does."""
        tie = lowest_tie(self.gain(best), first, epsilon)
        tie = min(self.noise * math.expm1(2 * tie), float(self.v[best]))
        while True:
            stale = self._stale(tie, before=best)
            if len(stale) == 0:
                return int((self.rank[: best + 1] >= tie).argmax())
            self._update(stale)

    def gain(self, i: int) -> float:
        """Rule 1: nats."""
        return 0.5 * math.log1p(float(self.v[i]) / self.noise)

    def observe(self, i: int) -> Float64:
        """Pick i, which is up to date; returns √p and its row M k(P, x_i) `[n]` before it."""
        n = self.made
        inverse = self.inverse[:n, :n]
        row: Float64 = np.vecdot(inverse, self.covariances[i, :n])
        root = math.sqrt(float(self.v[i]) + self.noise)
        self.inverse[n, :n] = np.vecdot(inverse.T, row) / -root
        self.inverse[n, n] = 1 / root
        self.picks[n] = i
        self.made += 1
        return np.append(row, root)

    def _stale(self, least: float, before: int | None = None) -> Positions:
        """At most a block of those that may reach a rank and are not up to date, best first."""
        reach = (self.rank >= least) & (self.rank > -math.inf) & (self.age < self.made)
        found = np.flatnonzero(reach if before is None else reach[:before])
        if len(found) > BLOCK:
            found = found[np.argpartition(self.rank[found], -BLOCK)[-BLOCK:]]
        return found

    def _update(self, some: Positions) -> None:
        """Bring candidates up to date."""
        n, since = self.made, int(self.age[some].min())
        self.updated += len(some)
        if self.updated > SHARE * len(self.v) + BLOCK * (n + 1):
            raise NotWorthIt
        new = self.query.pool.block(some, self.picks[since:n]).astype(np.float64)
        if self.query.r is not None:
            r = self.query.r.astype(np.float64)
            new *= r[some][:, None] * r[self.picks[since:n]]
        self.covariances[some, since:n] = new
        rows = np.vecdot(self.covariances[some, None, :n], self.inverse[:n, :n])
        self.v[some] = np.maximum(self.prior[some] - np.vecdot(rows, rows), 0.0)
        self.age[some] = n
        self.rank[some] = self.v[some]


class _Answer:
    """The uncertainty about the targets that is left after the picks."""

    def __init__(self, query: Query, epsilon: float) -> None:
        self.query = query
        self.sigma = query.prior.diagonal().astype(np.float64)
        self.floor = self.sigma * epsilon
        self.steps = np.zeros((len(self.sigma), query.steps))  # a of every pick
        self.made = 0

    @property
    def uncertainty(self) -> float:
        return float(self.sigma.sum())

    def observe(self, i: int, row: Float64) -> float:
        """Rule 4 for the targets alone; returns the uncertainty that is left."""
        n = self.made
        a = (self.query.cross(i) - np.vecdot(self.steps[:, :n], row[:n])) / row[n]
        self.steps[:, n] = a
        self.sigma = np.maximum(self.sigma - a * a, self.floor)
        self.made += 1
        return self.uncertainty
