"""`select` with the similarities of the candidates, a matrix, in place of a kernel."""

from __future__ import annotations

from typing import Any, Final, TypeGuard, Unpack

import numpy as np
import numpy.typing as npt

from sift_retrievers.arrays import ArrayLike, as_numpy, check_finite, is_tensor
from sift_retrievers.kernels.built_in import Cosine
from sift_retrievers.kernels.products import unit_vectors
from sift_retrievers.selection.arguments import build_problem
from sift_retrievers.selection.options import SIMILARITIES, SelectOptions, check_together
from sift_retrievers.selection.problem import Picks, Problem
from sift_retrievers.selection.solvers.eager import select_eagerly
from sift_retrievers.selection.solvers.prepared import Pool, Query
from sift_retrievers.selection.weights import passage_weights

ROUNDING: Final = 1e-3
"""How far similarities may be from symmetric, or above 1, for example through rounding."""


def is_matrix(kernel: Any) -> TypeGuard[npt.NDArray[Any]]:
    """Whether similarities came in place of a kernel."""
    return isinstance(kernel, np.ndarray | list | tuple) or is_tensor(kernel)


def select_by_similarities(
    similarities: ArrayLike,
    queries: ArrayLike,
    candidates: ArrayLike,
    k: int,
    **options: Unpack[SelectOptions],
) -> tuple[Problem, Picks]:
    """The problem of one query with its candidates' similarities, and its solution in float64.

    L(x, y) = r(x) s(x, y) r(y) with r as `RelevanceWeighted` has it by default, and the picks gain
    the most about L ("undirected"). `Picks.variance` is what they leave open, Π (1 − v).

    Args:
        similarities: `[K, K]` of the candidates, 1 for two that say the same, 0 for two that have
            nothing in common; symmetric, of each with itself 1, or 0 where it says nothing.
        queries: one, as for `select`.
        candidates: `[K, d]`; used only for their relevance, the cosine to the query.
        k: picks wanted.
        options: those of `select`; `kernel` is the similarities.

    Raises:
        ValueError: for more than one query, a matrix of another shape, values that are not
            similarities, or options that cannot be combined with them.
    """
    check_together(SIMILARITIES, options)
    options = {**options, "kernel": "relevance", "objective": "undirected", "device": "cpu"}
    problem = build_problem(queries, candidates, k, **options)
    s = _checked(similarities, problem)
    assert problem.weighting is not None
    vectors = problem.candidates[0].astype(np.float64)
    check_finite(vectors, "candidates")
    targets = unit_vectors(problem.targets[0].astype(np.float64))
    cosine = (targets @ unit_vectors(vectors).T).max(axis=0)[None]
    diagonal = s.diagonal().clip(0.0, 1.0)
    rows = dict(enumerate(s))
    pool = Pool(Cosine(), vectors, None, None, diagonal, measured=True, rows=rows)
    query = Query(
        problem=problem,
        pool=pool,
        products=np.zeros((1, len(s))),  # the similarities say nothing about the query
        targets=targets[:1],
        positions=None,
        r=passage_weights(problem.weighting, problem.relevance, cosine, None, None)[0],
        costs=None if problem.costs is None else problem.costs[0],
        groups=None if problem.groups is None else problem.groups[0],
        budget=np.inf if problem.budget is None else float(problem.budget[0]),
    )
    indices = np.full((1, problem.places), -1, dtype=np.int64)
    gains, variance = np.zeros((1, problem.places)), np.ones((1, problem.places + 1))
    picks = select_eagerly(query, gains[0], variance[0])
    indices[0, : len(picks)] = picks
    v = (problem.noise * np.expm1(2 * gains[0])).clip(0.0, 1.0)
    variance[0, 1:] = np.cumprod(1 - v)
    return problem, Picks(indices=indices, gains=gains, variance=variance)


def _checked(similarities: ArrayLike, problem: Problem) -> npt.NDArray[np.float64]:
    s = as_numpy(similarities, "kernel").astype(np.float64)
    size = problem.pool_size
    if problem.batch != 1 or s.shape != (size, size):
        raise ValueError(
            "similarities in place of a kernel are [K, K], for one query and its K candidates; got "
            f"{s.shape} for {problem.batch} queries and {size} candidates"
        )
    check_finite(s, "kernel")
    wrong = np.abs(s - s.T).max(initial=0.0) > ROUNDING or np.abs(s).max(initial=0.0) > 1 + ROUNDING
    if wrong or (s.diagonal() < -ROUNDING).any():
        raise ValueError(
            "similarities in place of a kernel must be symmetric and from −1 to 1, each passage's "
            f"with itself 1 (or 0); got values from {s.min():.3g} to {s.max():.3g}, "
            f"{int((np.abs(s - s.T) > ROUNDING).sum())} of them unlike their mirror image"
        )
    return s
