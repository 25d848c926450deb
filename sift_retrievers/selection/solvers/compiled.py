"""The whole selection as one call of the extension module: the rules of `reference` in C.

The function releases the GIL, starts no threads, and sums in an order that is fixed when it is
compiled, so the same call gives the same bits. "undirected" is lazy, as in `lazy`.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from sift_retrievers import acceleration
from sift_retrievers.arrays import check_finite, epsilon_of
from sift_retrievers.kernels.built_in import Cosine, Exponential, Linear, SharedNoise
from sift_retrievers.kernels.kernel import Kernel
from sift_retrievers.kernels.products import unit_vectors
from sift_retrievers.kernels.weighting import ROUNDING
from sift_retrievers.selection.problem import Objective, Picks, Problem
from sift_retrievers.selection.solvers.reference import whitening
from sift_retrievers.selection.weights import COSINE_ROUNDING

OBJECTIVES: Final = {Objective.VARIANCE: 0, Objective.ENTROPY: 1, Objective.UNDIRECTED: 2}
FINE, NOT_FINITE, ZERO_TARGET, OUT_OF_RANGE, NO_ROW = range(5)
"""What the function returns, as `native/select.h` has it."""


def parameters(kernel: Kernel) -> tuple[int, float, float]:
    """Number and parameters of a built-in kernel, as arguments of the compiled function."""
    if isinstance(kernel, Cosine):
        return 0, 0.0, 0.0
    if isinstance(kernel, Linear):
        return 1, 0.0, 0.0
    if isinstance(kernel, Exponential):
        return 2, kernel.sharpness, kernel.radius
    assert isinstance(kernel, SharedNoise)
    return 3, kernel.sharpness, kernel.error


def select_compiled(problem: Problem) -> Picks:
    """Solve a batch. The kernel is a built-in one."""
    status, picks = _call(problem, problem.candidates, problem.targets)
    if status == OUT_OF_RANGE:  # squared lengths leave the type's range: scale the vectors
        pools, targets = unit_vectors(problem.candidates), unit_vectors(problem.targets)
        status, picks = _call(problem, pools, targets)
    if status == NOT_FINITE:
        _report(problem)
    if status != FINE:
        raise RuntimeError(f"the extension module returned the status {status}; please report it")
    return picks


def _call(problem: Problem, pools: Any, targets: Any) -> tuple[int, Picks]:
    batch, m, dim = targets.shape
    k, dtype = problem.places, targets.dtype
    indices = np.empty((batch, k), dtype=np.int64)
    gains, variance = np.empty((batch, k), dtype), np.empty((batch, k + 1), dtype)
    gamma, standardized, relevance, rounding = -1.0, False, None, COSINE_ROUNDING
    if problem.weighting is not None:
        gamma, standardized = problem.weighting.gamma, problem.weighting.standardized
        if problem.relevance is not None:
            rounding = ROUNDING * epsilon_of(problem.relevance)  # of the largest
            relevance = np.ascontiguousarray(problem.relevance, dtype=np.float64)
    matrices = None
    if problem.objective is Objective.ENTROPY:
        prior = problem.kernel.prior(problem.kernel.features(targets))
        matrices = np.ascontiguousarray(whitening(prior), dtype=dtype)
    status: int = acceleration.compiled().select(
        int(dtype == np.float64),
        np.ascontiguousarray(pools),
        len(pools),
        pools.shape[1],
        dim,
        problem.ids if problem.ids is None else np.ascontiguousarray(problem.ids),
        problem.pool_size,
        np.ascontiguousarray(targets),
        batch,
        m,
        *parameters(problem.kernel),
        gamma,
        int(standardized),
        relevance,
        rounding,
        OBJECTIVES[problem.objective],
        matrices,
        problem.noise,
        int(problem.kernel.positive_only),
        int(problem.replacement),
        _contiguous(problem.costs),
        _contiguous(problem.budget),
        _contiguous(problem.groups),
        k,
        indices,
        gains,
        variance,
    )
    return status, Picks(indices=indices, gains=gains, variance=variance)


def _report(problem: Problem) -> None:
    """Raise the ValueError that says which values are not finite."""
    if problem.ids is None:
        pools = problem.candidates
        check_finite(pools if len(pools) > 1 else pools[0], "candidates")
        return
    for b, rows in enumerate(problem.ids):
        own = problem.candidates[0][rows[rows >= 0]]
        check_finite(own, f"candidates of query {b} (rows in ids)")


def _contiguous(array: Any) -> Any:
    return None if array is None else np.ascontiguousarray(array)
