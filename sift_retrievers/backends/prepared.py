"""The start of one query's selection in numpy: prior covariances, without a copy of the vectors.

Where the kernel normalises, inner products are scaled instead of vectors. All products over d are
dot products of single rows, so no sum depends on how threads divide the work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from sift_retrievers.arrays import check_finite
from sift_retrievers.backends.problem import Objective, Problem, few_rows
from sift_retrievers.backends.reference import whitened
from sift_retrievers.kernels import InnerProductKernel, unit_vectors

Array: TypeAlias = npt.NDArray[Any]

# Squared lengths outside of this range lose digits in float32: such vectors are scaled first, at
# the price of a copy.
SQUARES = (1e-30, 1e36)


@dataclass(frozen=True)
class Pool:
    """The candidates of a query."""

    vectors: Array
    """`[K, d]` as given."""
    scale: Array | None
    """`[K]` factors that bring them to unit length; None where the kernel does not normalise."""
    diagonal: Array
    """`[K]` their prior variances."""

    def subset(self, rows: Array) -> Pool:
        """The candidates at some positions."""
        scale = None if self.scale is None else self.scale[rows]
        return Pool(self.vectors[rows], scale, self.diagonal[rows])


@dataclass(frozen=True)
class PreparedQuery:
    """One query's arrays, named as in `reference`; c, v and u are its own to update."""

    pool: Pool
    positions: Array | None
    """`[K]` positions of the candidates in the problem's row of ids; None for all, in order."""
    c: Array
    """`[m, K]` prior covariances of targets and candidates."""
    v: Array
    """`[K]` prior variances."""
    sigma: Array
    """`[m]` prior variances of the targets."""
    u: Array
    """`[K]` variances if the targets were known; v itself unless the objective is "entropy"."""
    target_rows: Array
    """`[m or 0, K]` rows of u's factor that stand for the targets."""
    r: Array | None
    """`[K]` weights."""
    costs: Array | None
    """`[K]`."""
    budget: float
    """inf where there is none."""
    groups: Array | None
    """`[K]`."""


def prepared_queries(problem: Problem) -> Iterator[PreparedQuery]:
    """The queries of a problem whose kernel is an `InnerProductKernel`, one after the other."""
    targets, matrix = problem.targets.numpy(), problem.candidates.numpy()
    few = problem.ids is not None and few_rows(problem.ids, problem.candidates)
    shared = _pool(matrix[0], problem) if len(matrix) == 1 and not few else None
    for b in range(problem.batch):
        positions = None
        if problem.ids is None:
            pool = shared if shared is not None else _pool(matrix[b], problem)
        else:
            ids = problem.ids[b].numpy()
            positions = np.flatnonzero(ids >= 0)
            rows = ids[positions]
            if shared is not None:
                pool = shared.subset(rows)
            else:
                own = matrix[0][rows]
                check_finite(torch.from_numpy(own), f"candidates of query {b} (rows in ids)")
                pool = _pool(own, problem)
        yield _prepared(problem, pool, targets[b], b, positions)


def apply(formula: Callable[[Tensor], Tensor], products: Array) -> Array:
    """A kernel's formula, written for tensors, on an array."""
    result: Array = formula(torch.from_numpy(products)).numpy()
    return result


def _pool(vectors: Array, problem: Problem) -> Pool:
    kernel = problem.kernel
    assert isinstance(kernel, InnerProductKernel)
    with np.errstate(over="ignore"):
        squares = np.vecdot(vectors, vectors)
    if not kernel.normalized:
        plain = squares if kernel.is_inner_product else apply(kernel.of_passages, squares)
        return Pool(vectors, None, plain)
    if len(squares) and not (SQUARES[0] < squares.min() and squares.max() < SQUARES[1]):
        vectors = unit_vectors(torch.from_numpy(vectors)).numpy()
        squares = np.vecdot(vectors, vectors)
    cosines = (squares > 0).astype(squares.dtype)  # with oneself: 1, for a zero vector 0
    scale = 1.0 / np.sqrt(np.maximum(squares, 1.0 - cosines))
    if kernel.is_inner_product:
        return Pool(vectors, scale, cosines)
    return Pool(vectors, scale, apply(kernel.of_passages, cosines))


def _prepared(
    problem: Problem, pool: Pool, targets: Array, b: int, positions: Array | None
) -> PreparedQuery:
    kernel = problem.kernel
    assert isinstance(kernel, InnerProductKernel)
    q = _unit(targets) if kernel.normalized else targets
    products = np.vecdot(pool.vectors[None], q[:, None])  # [m, K]
    if pool.scale is not None:
        products *= pool.scale
    c = products
    if not kernel.is_inner_product:
        c = apply(kernel.of_target_and_passage, products)
    v = pool.diagonal.copy()
    r = _row(problem.weights, b, positions)
    if r is not None:
        c *= r
        v *= r * r
    prior = np.vecdot(q[:, None], q[None])
    if kernel.normalized:
        np.fill_diagonal(prior, 1.0)  # which rounding misses
    if not kernel.is_inner_product:
        prior = apply(kernel.of_targets, prior)
    u, target_rows = v, v[None, :][:0]
    if problem.objective is Objective.ENTROPY:
        target_rows = whitened(torch.from_numpy(prior)[None], torch.from_numpy(c)[None])[0].numpy()
        u = (v - np.square(target_rows).sum(axis=0)).clip(min=0)
    return PreparedQuery(
        pool=pool,
        positions=positions,
        c=c,
        v=v,
        sigma=prior.diagonal().copy(),
        u=u,
        target_rows=target_rows,
        r=r,
        costs=_row(problem.costs, b, positions),
        budget=np.inf if problem.budget is None else float(problem.budget[b]),
        groups=_row(problem.groups, b, positions),
    )


def _unit(targets: Array) -> Array:
    """Targets `[m, d]` of unit length."""
    with np.errstate(over="ignore"):
        squares = np.vecdot(targets, targets)
    if SQUARES[0] < squares.min() and squares.max() < SQUARES[1]:
        unit: Array = targets / np.sqrt(squares)[:, None]
        return unit
    return unit_vectors(torch.from_numpy(targets)).numpy()


def _row(values: Tensor | None, b: int, positions: Array | None) -> Array | None:
    if values is None:
        return None
    row: Array = values[b].numpy()
    return row if positions is None else row[positions]
