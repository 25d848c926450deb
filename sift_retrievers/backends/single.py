"""One query at a time on a CPU, in numpy: the rules of `reference`, without its per-step overhead.

Cost of a query: m + N passes over its K × d vectors; memory O(K (N + m)) beside them. The same call
gives the same bits whatever the number of threads.
"""

from __future__ import annotations

import math

import numpy as np
import torch

from sift_retrievers.backends.prepared import Array, PreparedQuery, apply, prepared_queries
from sift_retrievers.backends.problem import ROUNDING, Objective, Picks, Problem
from sift_retrievers.kernels import InnerProductKernel

# BLAS libraries work on matrices below this size in one thread; above it the order of their sums,
# and so the last bits, may depend on the number of threads.
ONE_THREAD = 2**17


def select_single(problem: Problem) -> Picks:
    """Solve the problems of a batch one after the other. The kernel is an `InnerProductKernel`."""
    batch, k, dtype = problem.batch, problem.k, problem.candidates.numpy().dtype
    indices = np.full((batch, k), -1, dtype=np.int64)
    gains = np.zeros((batch, k), dtype=dtype)
    variance = np.empty((batch, k + 1), dtype=dtype)
    for b, query in enumerate(prepared_queries(problem)):
        picks = _Selecting(problem, query).run(gains[b], variance[b])
        chosen = picks if query.positions is None else query.positions[picks]
        indices[b, : len(picks)] = chosen
    return Picks(
        indices=torch.from_numpy(indices),
        gains=torch.from_numpy(gains),
        variance=torch.from_numpy(variance),
    )


class _Selecting:
    """One query's selection under way; names as in `reference`."""

    def __init__(self, problem: Problem, query: PreparedQuery) -> None:
        assert isinstance(problem.kernel, InnerProductKernel)
        self.problem, self.query, self.kernel = problem, query, problem.kernel
        self.c, self.v, self.u = query.c, query.v, query.u
        self.sigma: list[float] = query.sigma.tolist()
        self.left = query.budget
        self.rows = np.empty((problem.k, len(self.v)), dtype=self.v.dtype)
        self.u_rows = np.concatenate([query.target_rows, np.empty_like(self.rows)])

    def run(self, gains: Array, variance: Array) -> list[int]:
        """Make the picks; write the gains `[k]` and the trace of the variance `[k + 1]`."""
        problem, noise = self.problem, self.problem.noise
        costs, groups = self.query.costs, self.query.groups
        epsilon = float(np.finfo(self.v.dtype).eps)
        floor = [sigma * epsilon for sigma in self.sigma]
        barred = np.zeros_like(self.v)  # −inf for passages that may not be picked again
        steps = problem.k if problem.replacement and len(self.v) else min(problem.k, len(self.v))
        resolution: float | None = None
        picks: list[int] = []
        uncertainty = sum(self.sigma)
        variance[0] = uncertainty

        for n in range(steps):
            score = self._scores()
            score += barred  # rule 3
            if costs is not None:
                score[costs > self.left] = -np.inf
            i = int(score.argmax())
            best = float(score[i])
            if best == -math.inf:
                break
            if resolution is None:
                resolution = ROUNDING * epsilon * best
            i = int((score[: i + 1] >= best - resolution).argmax())  # rule 2
            picks.append(i)
            if groups is not None:
                barred[groups == groups[i]] = -np.inf
            elif not problem.replacement:
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
            if problem.objective is Objective.VARIANCE:
                lowered = sum(x * x for x in a) / before
                gains[n] = -0.5 * math.log1p(-min(lowered, 1.0 - epsilon))
            elif problem.objective is Objective.ENTROPY:
                gains[n] = max(0.0, 0.5 * math.log(p / (float(self.u[i]) + noise)))
            else:
                gains[n] = 0.5 * math.log1p(float(self.v[i]) / noise)
            if n + 1 < steps:  # nobody looks at the candidates after the last pick
                self._condition(n, i, p, a)
        variance[len(picks) + 1 :] = uncertainty
        return picks

    def _condition(self, n: int, i: int, p: float, a: list[float]) -> None:
        """Rule 4: condition the candidates on the n-th pick, i."""
        prior_row = self._row(i)
        row = self.rows[n]
        np.subtract(prior_row, _combine(self.rows[:n], i), out=row)
        row /= math.sqrt(p)
        if self.problem.objective is Objective.ENTROPY:
            known = len(self.query.target_rows) + n
            u_row = self.u_rows[known]
            np.subtract(prior_row, _combine(self.u_rows[:known], i), out=u_row)
            u_row /= math.sqrt(float(self.u[i]) + self.problem.noise)
        for c, x in zip(self.c, a, strict=True):
            c -= x * row
        self.v -= row * row
        np.maximum(self.v, 0, out=self.v)
        if self.problem.objective is Objective.ENTROPY:
            self.u = np.minimum((self.u - u_row * u_row).clip(min=0), self.v)

    def _row(self, i: int) -> Array:
        """k(x_i, ·) among the candidates, weighted: `[K]`."""
        pool, r = self.query.pool, self.query.r
        products: Array = np.vecdot(pool.vectors, pool.vectors[i])
        if pool.scale is not None:
            products *= pool.scale
            products *= pool.scale[i]
        if not self.kernel.is_inner_product:
            products = apply(self.kernel.of_passages, products)
        if r is not None:
            products *= r * r[i]
        return products

    def _scores(self) -> Array:
        """Rule 1: `[K]`."""
        problem, noise = self.problem, self.problem.noise
        if problem.objective is Objective.VARIANCE:
            counted = self.c.clip(min=0) if self.kernel.positive_only else self.c
            squares = counted[0] * counted[0] if len(counted) == 1 else (counted**2).sum(axis=0)
            score: Array = squares / (self.v + noise)
        elif problem.objective is Objective.ENTROPY:
            score = 0.5 * np.log((self.v + noise) / (self.u + noise))
            if self.kernel.positive_only:
                score *= (self.c > 0).any(axis=0)
        else:
            score = 0.5 * np.log1p(self.v / noise)
        if problem.per_cost and self.query.costs is not None:
            score /= self.query.costs
        return score


def _combine(rows: Array, i: int) -> Array | float:
    """Σ_s ℓ_s(x_i) ℓ_s for rows `[n, K]`: `[K]`."""
    if len(rows) == 0:
        return 0.0
    if rows.size < ONE_THREAD:
        return np.asarray(rows[:, i] @ rows)
    return np.asarray(np.einsum("s,sk->k", rows[:, i], rows))
