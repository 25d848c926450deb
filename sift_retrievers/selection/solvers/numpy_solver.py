"""One query at a time on a CPU, in numpy: the rules of `reference`, without its overhead a step.

The same call gives the same bits whatever the number of threads.
"""

from __future__ import annotations

from contextlib import suppress

import numpy as np

from sift_retrievers.selection.problem import Objective, Picks, Problem
from sift_retrievers.selection.solvers.directed import select_directed
from sift_retrievers.selection.solvers.eager import select_eagerly
from sift_retrievers.selection.solvers.lazy import NotWorthIt, select_lazily
from sift_retrievers.selection.solvers.prepared import Query, Vector, prepared_queries

LARGE = 2**19
"""Numbers in the candidates' vectors from which on a lazy selection is the cheaper one."""


def select_numpy(problem: Problem) -> Picks:
    """Solve the problems of a batch one after the other. The kernel is an `InnerProductKernel`."""
    batch, k, dtype = problem.batch, problem.places, problem.targets.dtype
    indices = np.full((batch, k), -1, dtype=np.int64)
    gains = np.zeros((batch, k), dtype=dtype)
    variance = np.empty((batch, k + 1), dtype=dtype)
    for b, query in enumerate(prepared_queries(problem)):
        picks = _solve(query, gains[b], variance[b])
        variance[b, len(picks) + 1 :] = variance[b, len(picks)]
        indices[b, : len(picks)] = picks if query.positions is None else query.positions[picks]
    return Picks(indices=indices, gains=gains, variance=variance)


def _solve(query: Query, gains: Vector, variance: Vector) -> list[int]:
    if query.problem.objective is not Objective.UNDIRECTED:
        return select_directed(query, gains, variance)
    # Lazy selection is worth its bookkeeping where rows of covariances are expensive, and are not
    # kept for the next query.
    if query.pool.rows is None and query.pool.vectors.size > LARGE:
        with suppress(NotWorthIt):
            return select_lazily(query, gains, variance)
    return select_eagerly(query, gains, variance)
