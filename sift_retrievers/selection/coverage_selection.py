"""`select` for a `Coverage`: one question, its candidates compared by what they consist of."""

from __future__ import annotations

from typing import Any

import numpy as np

from sift_retrievers.arrays import ArrayLike, as_given, home_of, host
from sift_retrievers.coverage import Coverage, cover
from sift_retrievers.kernels.products import unit_vectors
from sift_retrievers.selection.arguments import build_problem
from sift_retrievers.selection.per_candidate import per_candidate
from sift_retrievers.selection.problem import Objective
from sift_retrievers.selection.result import Selection
from sift_retrievers.selection.solvers.reference import gathered


def select_covering(
    coverage: Coverage,
    queries: ArrayLike,
    candidates: ArrayLike,
    k: int,
    *,
    lambda_: float,
    objective: str,
    relevance: ArrayLike | None,
    min_gain: float | None,
    costs: ArrayLike | None,
    budget: Any,
    groups: ArrayLike | None,
    refused: dict[str, Any],
    single: bool,
) -> Selection[Any]:
    """The selection, in float64.

    Args:
        coverage: of the K candidates.
        queries: one, as for `select`; where no relevance is given, the cosine to it is.
        candidates: `[K, d]`.
        k: picks wanted.
        lambda_: λ′.
        objective: "undirected", or "variance", which is `select`'s default and stands for none.
        relevance: `[K]`.
        min_gain: nats.
        costs: `[K]`.
        budget: one number.
        groups: `[K]`.
        refused: options of `select` that make no sense here, which must not be set.
        single: whether the query came as `[d]`, and not as a batch of one.

    Raises:
        ValueError: for more than one query, sizes that do not fit, or options that do not go
            together with a `Coverage`.
    """
    wrong = [name for name, value in refused.items() if value]
    if wrong or objective not in (Objective.VARIANCE, Objective.UNDIRECTED):
        raise ValueError(
            'a Coverage goes with the objective "undirected" and without replacement, alpha, '
            f"ids, device and solver; got {wrong or objective!r}"
        )
    # Checks everything as for any kernel.
    problem = build_problem(
        queries, candidates, k, lambda_=lambda_, costs=costs, budget=budget, groups=groups
    )
    size = problem.pool_size
    if problem.batch != 1 or size != len(coverage):
        raise ValueError(
            "a Coverage goes with one query [d] and its K candidates [K, d]; got "
            f"{problem.batch} queries and {size} candidates for a Coverage of {len(coverage)}"
        )
    vectors = host(gathered(problem))[0]
    if relevance is None:
        q, x = host(problem.targets)[0].astype(np.float64), vectors.astype(np.float64)
        rho = (unit_vectors(q) @ unit_vectors(x).T).max(axis=0)
        deviation = rho.std() if size > 0 else 0.0
        rho = rho / deviation if deviation > 1e-7 else rho * 0
    else:
        rho = per_candidate(relevance, "relevance", 1, size)[0].astype(np.float64)
    found = cover(
        coverage,
        rho,
        problem.k,
        lambda_=problem.noise,
        min_gain=min_gain,
        costs=None if problem.costs is None else host(problem.costs)[0],
        budget=None if problem.budget is None else float(problem.budget[0]),
        groups=None if problem.groups is None else host(problem.groups)[0],
    )
    made = len(found.indices)
    indices = np.full(problem.k, -1, dtype=np.int64)
    gains, left = np.zeros(problem.k), np.ones(problem.k + 1)
    indices[:made], gains[:made] = found.indices, found.gains
    left[1 : made + 1] = np.cumprod(1 - found.variance)
    left[made + 1 :] = left[made]
    home, one = home_of(candidates), slice(None) if single else None
    return Selection(
        indices=as_given(indices[one], home),
        variance=as_given(left[one], home),
        gains=as_given(gains[one], home),
        stop_reason=found.stop_reason if single else (found.stop_reason,),
    )
