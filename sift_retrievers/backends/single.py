"""One query at a time on a CPU, in numpy: the rules of `reference`, without its per-step overhead.

Vectors are read, never copied: where the kernel normalises, its inner products are scaled instead.
All products over d are dot products of single rows, and no sum depends on how threads divide the
work, so the same call gives the same bits whatever the thread count, and copies of a passage tie
exactly wherever they stand.

Cost of a query: 1 + m + N passes over its K × d vectors; memory O(K (N + m)) beside them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from sift_retrievers.backends.problem import ROUNDING, Objective, Picks, Problem
from sift_retrievers.backends.reference import whitened
from sift_retrievers.kernels import InnerProductKernel, unit_vectors

Array: TypeAlias = npt.NDArray[Any]


def select_single(problem: Problem) -> Picks:
    """Solve the problems of a batch one after the other. The kernel is an `InnerProductKernel`."""
    batch, k = problem.batch, problem.k
    directed = problem.objective is not Objective.UNDIRECTED
    targets = problem.targets.numpy()
    matrix = problem.candidates.numpy()
    indices = np.full((batch, k), -1, dtype=np.int64)
    gains = np.zeros((batch, k), dtype=matrix.dtype)
    variance = np.empty((batch, k + 1), dtype=matrix.dtype)

    pool = _pool(matrix[0], problem) if problem.candidates.shape[0] == 1 else None
    for b in range(batch):
        own = pool if pool is not None else _pool(matrix[b], problem)
        positions = None
        if problem.ids is not None:
            ids = problem.ids[b].numpy()
            positions = np.flatnonzero(ids >= 0)
            own = own.subset(ids[positions])
        query = _Query(problem, own, targets[b], b, positions)
        picks = query.run(gains[b], variance[b])
        indices[b, : len(picks)] = picks if positions is None else positions[picks]

    return Picks(
        indices=torch.from_numpy(indices),
        gains=torch.from_numpy(gains),
        variance=torch.from_numpy(variance) if directed else None,
    )


@dataclass(frozen=True)
class _Pool:
    """The candidates of a query."""

    vectors: Array
    """`[K, d]` as given."""
    scale: Array | None
    """`[K]` factors that bring them to unit length; None where the kernel does not normalise."""
    diagonal: Array
    """`[K]` their prior variances."""

    def subset(self, rows: Array) -> _Pool:
        scale = None if self.scale is None else self.scale[rows]
        return _Pool(self.vectors[rows], scale, self.diagonal[rows])


def _pool(vectors: Array, problem: Problem) -> _Pool:
    kernel = problem.kernel
    assert isinstance(kernel, InnerProductKernel)
    with np.errstate(over="ignore"):
        squares = np.vecdot(vectors, vectors)
    if not kernel.normalized:
        return _Pool(vectors, None, _apply(kernel.of_passages, squares))
    # Squares that leave the range of the type: scale the vectors first, at the price of a copy.
    if len(squares) and not (squares.max() < 1e36 and squares.min() > 1e-30):
        vectors = unit_vectors(torch.from_numpy(vectors)).numpy()
        squares = np.vecdot(vectors, vectors)
    scale = 1.0 / np.sqrt(np.where(squares > 0, squares, 1.0), dtype=squares.dtype)
    cosines = (squares > 0).astype(squares.dtype)  # with oneself: 1, for a zero vector 0
    return _Pool(vectors, scale, _apply(kernel.of_passages, cosines))


def _apply(formula: Callable[[Tensor], Tensor], products: Array) -> Array:
    """A kernel's formula, written for tensors, on an array."""
    result: Array = formula(torch.from_numpy(products)).numpy()
    return result


class _Query:
    """The state of one query's selection; names as in `reference`."""

    def __init__(
        self, problem: Problem, pool: _Pool, targets: Array, b: int, positions: Array | None
    ) -> None:
        kernel = problem.kernel
        assert isinstance(kernel, InnerProductKernel)
        self.problem, self.pool, self.kernel = problem, pool, kernel
        q = unit_vectors(torch.from_numpy(targets)).numpy() if kernel.normalized else targets
        self.r = self._own(problem.weights, b, positions)
        self.costs = self._own(problem.costs, b, positions)
        self.left = float("inf") if problem.budget is None else float(problem.budget[b])

        products = np.vecdot(pool.vectors[None], q[:, None])  # [m, K]
        if pool.scale is not None:
            products = products * pool.scale
        self.c = np.array(_apply(kernel.of_target_and_passage, products))  # a copy: it is updated
        self.v = pool.diagonal.copy()
        if self.r is not None:
            self.c *= self.r
            self.v *= self.r * self.r
        prior = _apply(kernel.of_targets, np.vecdot(q[:, None], q[None]))
        self.sigma = prior.diagonal().copy()
        self.u = self.v
        self.rows = np.empty((problem.k, len(self.v)), dtype=self.v.dtype)
        self.u_rows = self.rows[:0]
        if problem.objective is Objective.ENTROPY:
            first = whitened(torch.from_numpy(prior)[None], torch.from_numpy(self.c)[None])[0]
            self.u_rows = np.concatenate([first.numpy(), np.empty_like(self.rows)])
            self.u = (self.v - np.square(self.u_rows[: len(first)]).sum(axis=0)).clip(min=0)

    @staticmethod
    def _own(values: Tensor | None, b: int, positions: Array | None) -> Array | None:
        if values is None:
            return None
        row: Array = values[b if values.shape[0] > 1 else 0].numpy()
        return row if positions is None else row[positions]

    def run(self, gains: Array, variance: Array) -> list[int]:
        """Make the picks; write the gains `[k]` and the trace of the variance `[k + 1]`."""
        problem, noise = self.problem, self.problem.noise
        floor = self.sigma * np.finfo(self.sigma.dtype).eps
        targets = len(self.u_rows) - problem.k  # rows of u's factor that stand for the targets
        taken: list[int] = []
        resolution: float | None = None
        variance[:] = self.sigma.sum()
        steps = problem.k if problem.replacement and len(self.v) else min(problem.k, len(self.v))
        for n in range(steps):
            score = self._scores()
            if taken and not problem.replacement:
                score[taken] = -np.inf
            if self.costs is not None:
                score[self.costs > self.left] = -np.inf
            best = score.max()
            if best == -np.inf:
                break
            if resolution is None:
                resolution = ROUNDING * float(np.finfo(score.dtype).eps) * best
            i = int((score >= best - resolution).argmax())
            taken.append(i)

            p = self.v[i] + noise
            prior_row = self._row(i)
            row = self.rows[n]
            np.subtract(prior_row, _combine(self.rows[:n], i), out=row)
            row /= np.sqrt(p)
            if problem.objective is Objective.ENTROPY:
                u_p = self.u[i] + noise
                known = self.u_rows[: targets + n]
                u_row = self.u_rows[targets + n]
                np.subtract(prior_row, _combine(known, i), out=u_row)
                u_row /= np.sqrt(u_p)
                gains[n] = max(0.0, 0.5 * np.log(p / u_p))
            elif problem.objective is Objective.UNDIRECTED:
                gains[n] = 0.5 * np.log1p(self.v[i] / noise)

            a = self.c[:, i] / np.sqrt(p)
            self.c -= a[:, None] * row
            self.v -= row * row
            np.maximum(self.v, 0, out=self.v)
            if problem.objective is Objective.ENTROPY:
                self.u = np.minimum((self.u - u_row * u_row).clip(min=0), self.v)
            self.sigma = np.maximum(self.sigma - a * a, floor)
            variance[n + 1 :] = self.sigma.sum()
            if problem.objective is Objective.VARIANCE:
                gains[n] = 0.5 * np.log(variance[n] / variance[n + 1])
            if self.costs is not None:
                self.left -= float(self.costs[i])
        return taken

    def _row(self, i: int) -> Array:
        """k(x_i, ·) among the candidates, weighted: `[K]`."""
        products = np.vecdot(self.pool.vectors, self.pool.vectors[i])
        if self.pool.scale is not None:
            products *= self.pool.scale
            products *= self.pool.scale[i]
        row = _apply(self.kernel.of_passages, products)
        return row if self.r is None else row * (self.r * self.r[i])

    def _scores(self) -> Array:
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
        if problem.per_cost and self.costs is not None:
            score /= self.costs
        return score


def _combine(rows: Array, i: int) -> Array:
    """Σ_s ℓ_s(x_i) ℓ_s for rows `[n, K]`: `[K]`, summed in order."""
    combined: Array = np.einsum("s,sk->k", rows[:, i], rows)
    return combined
