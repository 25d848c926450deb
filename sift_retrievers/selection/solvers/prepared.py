"""The start of one query's selection in numpy: prior covariances, without a copy of the vectors.

Where the kernel normalises, inner products are scaled instead of vectors. All products over d are
dot products of single rows, so no sum depends on the number of threads, and no other thread is
used.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from sift_retrievers.arrays import check_finite
from sift_retrievers.kernels.kernel import InnerProductKernel
from sift_retrievers.kernels.products import unit_vectors
from sift_retrievers.selection.problem import Problem
from sift_retrievers.selection.weights import passage_weights

Vector: TypeAlias = npt.NDArray[Any]

# Squared lengths outside of this range lose digits in float32: such vectors are scaled first, at
# the price of a copy.
SQUARES: Final = (1e-30, 1e36)
MOST_KEPT: Final = 2**24  # numbers of a shared pool's rows that are kept


@dataclass(frozen=True)
class Pool:
    """The candidates of a query, or of all queries of a batch."""

    kernel: InnerProductKernel
    vectors: Vector
    """`[K, d]` as given."""
    scale: Vector | None
    """`[K]` factors that bring them to unit length; None where the kernel does not normalise."""
    zero: npt.NDArray[np.bool_] | None
    """`[K]` which have no length; None: none of them."""
    diagonal: Vector
    """`[K]` their prior variances."""
    measured: bool = False
    """Whether covariances were measured, and may not be positive semidefinite."""
    rows: dict[int, Vector] | None = None
    """Rows of covariances, kept for the next query; None: they are not kept."""

    @staticmethod
    def of(kernel: InnerProductKernel, vectors: Vector, name: str, *, shared: bool = False) -> Pool:
        """The pool of vectors `[K, d]`.

        Raises:
            ValueError: if they are not finite.
        """
        rows: dict[int, Vector] | None = {} if shared else None
        with np.errstate(over="ignore", invalid="ignore"):
            squares = np.vecdot(vectors, vectors)
            ordinary = len(squares) == 0 or (
                squares.min() > SQUARES[0] and squares.max() < SQUARES[1]
            )
            if not ordinary and not math.isfinite(float(squares.sum())):
                check_finite(vectors, name)
        if not kernel.normalized:
            return Pool(kernel, vectors, None, squares == 0, kernel.of_passages(squares), rows=rows)
        if ordinary:
            one = kernel.of_passages(np.ones_like(squares))
            return Pool(kernel, vectors, 1.0 / np.sqrt(squares), None, one, rows=rows)
        vectors = unit_vectors(vectors)
        squares = np.vecdot(vectors, vectors)
        zero = squares == 0
        cosines = 1.0 - zero.astype(squares.dtype)  # with oneself: 1, for a zero vector 0
        scale = 1.0 / np.sqrt(np.maximum(squares, zero))
        return Pool(kernel, vectors, scale, zero, kernel.of_passages(cosines), rows=rows)

    def row(self, i: int) -> Vector:
        """k(x_i, ·) `[K]`, not to be written to."""
        if self.rows is not None and i in self.rows:
            return self.rows[i]
        g: Vector = np.vecdot(self.vectors, self.vectors[i])
        if self.scale is not None:
            g *= self.scale
            g *= self.scale[i]
        row: Vector = self.kernel.of_passages(g)
        if self.rows is not None and len(self.rows) * len(row) < MOST_KEPT:
            self.rows[i] = row
        return row

    def block(self, some: npt.NDArray[np.intp], others: npt.NDArray[np.intp]) -> Vector:
        """k(x_i, x_j) for i of some and j of others: `[n, p]`."""
        g: Vector = np.vecdot(self.vectors[some][:, None], self.vectors[others])
        if self.scale is not None:
            g *= self.scale[some][:, None]
            g *= self.scale[others]
        return np.asarray(self.kernel.of_passages(g))


@dataclass(frozen=True)
class Query:
    """One query's arrays, named as in `reference`."""

    problem: Problem
    pool: Pool
    products: Vector
    """`[m, K]` inner products (or cosines) of targets and candidates."""
    targets: Vector
    """`[m, d]`, of unit length where the kernel normalises."""
    positions: npt.NDArray[np.intp] | None
    """`[K]` positions of the candidates in the problem's row of ids; None for all, in order."""
    r: Vector | None
    """`[K]` weights, of the type of the vectors."""
    costs: Vector | None
    """`[K]`."""
    groups: Vector | None
    """`[K]`."""
    budget: float = math.inf

    @property
    def prior(self) -> Vector:
        """`[m, m]` prior covariances of the targets."""
        kernel = self.pool.kernel
        if kernel.normalized and len(self.targets) == 1:
            return np.asarray(kernel.of_targets(np.ones((1, 1), self.targets.dtype)))
        return np.asarray(kernel.prior(self.targets[None])[0])

    @property
    def steps(self) -> int:
        """Picks that can be made."""
        count = len(self.pool.diagonal)
        repeats = self.problem.replacement and count > 0
        return self.problem.steps if repeats else min(self.problem.steps, count)

    def cross(self, at: Any = slice(None)) -> Vector:
        """Prior covariances of targets and candidates, of all or of one: `[m, K]` or `[m]`."""
        c: Vector = self.pool.kernel.of_target_and_passage(self.products[:, at])
        return c.copy() if self.r is None else c * self.r[at]

    def variances(self) -> Vector:
        """Prior variances of the candidates `[K]`, a copy."""
        v = self.pool.diagonal
        return v.copy() if self.r is None else v * (self.r * self.r)


def prepared_queries(problem: Problem) -> Iterator[Query]:
    """The queries of a problem whose kernel is an `InnerProductKernel`, one after the other."""
    kernel, pools = problem.kernel, problem.candidates
    assert isinstance(kernel, InnerProductKernel)
    shared: Pool | None = None
    if problem.ids is None and len(pools) == 1:
        # A row serves several queries where they make more picks than there are candidates.
        asked_again = problem.batch * problem.steps > problem.pool_size and problem.batch > 1
        shared = Pool.of(kernel, pools[0], "candidates", shared=asked_again)
    for b in range(problem.batch):
        positions = None
        if shared is not None:
            pool = shared
        elif problem.ids is None:
            pool = Pool.of(kernel, pools[b], f"candidates of query {b}")
        else:
            rows = problem.ids[b]
            if (rows < 0).any():
                positions = np.flatnonzero(rows >= 0)
                rows = rows[positions]
            pool = Pool.of(kernel, pools[0][rows], f"candidates of query {b} (rows in ids)")
        yield _prepared(problem, pool, b, positions)


def _prepared(
    problem: Problem, pool: Pool, b: int, positions: npt.NDArray[np.intp] | None
) -> Query:
    targets = problem.targets[b]
    if pool.kernel.normalized:
        targets = unit_targets(targets)
    products = np.vecdot(pool.vectors, targets[:, None])
    if pool.scale is not None:
        products *= pool.scale
    return Query(
        problem=problem,
        pool=pool,
        products=products,
        targets=targets,
        positions=positions,
        r=_weights(problem, pool, products, targets, b, positions),
        costs=_row(problem.costs, b, positions),
        groups=_row(problem.groups, b, positions),
        budget=math.inf if problem.budget is None else float(problem.budget[b]),
    )


def _weights(
    problem: Problem,
    pool: Pool,
    products: Vector,
    targets: Vector,
    b: int,
    positions: npt.NDArray[np.intp] | None,
) -> Vector | None:
    if problem.weighting is None:
        return None
    cosine = None
    relevance = _row(problem.relevance, b, positions)
    if relevance is not None:
        relevance = relevance[None]
    elif pool.kernel.normalized:
        cosine = products.max(axis=0)[None]
    else:
        unit = unit_vectors(pool.vectors)
        cosine = np.vecdot(unit, unit_targets(targets)[:, None]).max(axis=0)[None]
    zero = None if pool.zero is None else pool.zero[None]
    r: Vector = passage_weights(problem.weighting, relevance, cosine, zero, None)[0]
    return r.astype(products.dtype)


def unit_targets(targets: Vector) -> Vector:
    """Targets `[m, d]` of unit length."""
    with np.errstate(over="ignore"):
        squares = np.vecdot(targets, targets)
    if SQUARES[0] < squares.min() and squares.max() < SQUARES[1]:
        return np.asarray(targets / np.sqrt(squares)[:, None])
    return np.asarray(unit_vectors(targets))


def _row(values: Vector | None, b: int, positions: npt.NDArray[np.intp] | None) -> Vector | None:
    if values is None:
        return None
    row: Vector = values[b]
    return row if positions is None else row[positions]
