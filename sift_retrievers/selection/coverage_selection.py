"""`select` for a `Coverage`: one question, its candidates compared by what they consist of."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np

from sift_retrievers.arrays import ArrayLike, as_given, home_of, host
from sift_retrievers.coverage import Coverage, cover
from sift_retrievers.kernels.products import unit_vectors
from sift_retrievers.selection.arguments import build_problem
from sift_retrievers.selection.options import A_COVERAGE, SelectOptions, check_together
from sift_retrievers.selection.per_candidate import relevance_of
from sift_retrievers.selection.result import Selection, is_one
from sift_retrievers.selection.solvers.reference import gathered
from sift_retrievers.stop_reason import StopReason


def select_covering(
    coverage: Coverage,
    queries: ArrayLike,
    candidates: ArrayLike,
    k: int,
    **options: Unpack[SelectOptions],
) -> Selection[Any]:
    """The selection, in float64.

    Args:
        coverage: of the K candidates.
        queries: one, as for `select`; the cosine to it is the relevance where none is given.
        candidates: `[K, d]`.
        k: picks wanted.
        options: those of `select`; `kernel` is the coverage.

    Raises:
        ValueError: for more than one query, sizes that do not fit, or options that do not go
            together with a `Coverage`.
    """
    check_together(A_COVERAGE, options)
    relevance = options.get("relevance")
    # The vectors, and all else, are checked as for any kernel; the relevance only counts here.
    plain: SelectOptions = {**options, "kernel": "cosine", "relevance": None}
    problem = build_problem(queries, candidates, k, **plain)
    size = problem.pool_size
    if problem.batch != 1 or size != len(coverage):
        raise ValueError(
            "a Coverage as kernel goes with one query [d] and its K candidates [K, d]; got "
            f"{problem.batch} queries and {size} candidates for a Coverage of {len(coverage)}"
        )
    vectors = host(gathered(problem))[0]
    if relevance is None:
        q, x = host(problem.targets)[0].astype(np.float64), vectors.astype(np.float64)
        rho = (unit_vectors(q) @ unit_vectors(x).T).max(axis=0)
        deviation = rho.std() if size > 0 else 0.0
        rho = rho / deviation if deviation > 1e-7 else rho * 0
    else:
        rho = relevance_of(relevance, 1, size)[0].astype(np.float64)
    found = cover(
        coverage,
        rho,
        problem.steps,
        lambda_=problem.noise,
        min_gain=options.get("min_gain"),
        costs=None if problem.costs is None else host(problem.costs)[0],
        budget=None if problem.budget is None else float(problem.budget[0]),
        groups=None if problem.groups is None else host(problem.groups)[0],
    )
    made, places = len(found.indices), problem.places
    indices = np.full(places, -1, dtype=np.int64)
    gains, left = np.zeros(places), np.ones(places + 1)
    indices[:made], gains[:made] = found.indices, found.gains
    left[1 : made + 1] = np.cumprod(1 - found.variance)
    left[made + 1 :] = left[made]
    reason = found.stop_reason
    if made == problem.steps < problem.k:
        reason = StopReason.EXHAUSTED
    single = is_one(queries)
    home, one = home_of(candidates), slice(None) if single else None
    return Selection(
        indices=as_given(indices[one], home),
        variance=as_given(left[one], home),
        gains=as_given(gains[one], home),
        stop_reason=reason if single else (reason,),
    )
