"""One query at a time on a CPU, in numpy: the rules of `reference`, without its overhead a step.

The same call gives the same bits whatever the number of threads.
"""

from __future__ import annotations

import numpy as np

from sift_retrievers.selection.problem import Objective, Picks, Problem
from sift_retrievers.selection.solvers.lazy import select_lazily
from sift_retrievers.selection.solvers.one_query import select_one
from sift_retrievers.selection.solvers.prepared import Query, prepared_queries

LARGE = 2**17
"""Numbers in the candidates' vectors from which on a lazy selection is the cheaper one."""


def select_numpy(problem: Problem) -> Picks:
    """Solve the problems of a batch one after the other. The kernel is an `InnerProductKernel`."""
    batch, k, dtype = problem.batch, problem.k, problem.targets.dtype
    indices = np.full((batch, k), -1, dtype=np.int64)
    gains = np.zeros((batch, k), dtype=dtype)
    variance = np.empty((batch, k + 1), dtype=dtype)
    for b, query in enumerate(prepared_queries(problem)):
        solve = select_lazily if _lazily(query) else select_one
        picks = solve(query, gains[b], variance[b])
        variance[b, len(picks) + 1 :] = variance[b, len(picks)]
        indices[b, : len(picks)] = (
            picks if query.positions is None else query.positions[picks]
        )
    return Picks(indices=indices, gains=gains, variance=variance)


def _lazily(query: Query) -> bool:
    """Where an old variance is a bound, and rows are neither cheap nor kept for the next query."""
    undirected = query.problem.objective is Objective.UNDIRECTED
    return undirected and query.pool.rows is None and query.pool.vectors.size > LARGE
