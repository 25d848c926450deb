"""A fast path of `select`: one query, and arrays that the compiled code reads without conversion.

It gives the same results as the general path. For anything unusual (another type or shape, further
options, values that are not finite) it returns None; the general path then computes the selection
or raises the error.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import numpy as np

from sift_retrievers import acceleration
from sift_retrievers.arrays import epsilon_of
from sift_retrievers.kernels.built_in import BUILT_IN_KERNELS
from sift_retrievers.kernels.kernel import InnerProductKernel, Kernel
from sift_retrievers.kernels.names import KernelLike, resolve_kernel
from sift_retrievers.kernels.weighting import LARGEST, ROUNDING
from sift_retrievers.selection.precision import FLOAT32_VARIANCES, fits_float32
from sift_retrievers.selection.problem import Objective, places_for
from sift_retrievers.selection.result import Selection
from sift_retrievers.selection.solvers.compiled import FINE, OBJECTIVES, parameters
from sift_retrievers.selection.weights import COSINE_ROUNDING
from sift_retrievers.stop_reason import StopReason

_FLOAT32: Final = np.dtype(np.float32)
_FLOAT64: Final = np.dtype(np.float64)


def select_in_one_call(
    queries: Any,
    candidates: Any,
    k: Any,
    kernel: Any,
    lambda_: Any,
    objective: Any,
    relevance: Any,
) -> Selection[Any] | None:
    """The selection for a query `[d]` among candidates `[K, d]`; None if it cannot be made here."""
    if type(candidates) is not np.ndarray or type(queries) is not np.ndarray or type(k) is not int:
        return None
    if not (
        candidates.dtype is _FLOAT32
        and queries.dtype is _FLOAT32
        and candidates.ndim == 2
        and queries.ndim == 1
        and candidates.flags.c_contiguous
        and queries.flags.c_contiguous
        and candidates.flags.aligned
        and queries.flags.aligned
        and k > 0
    ):
        return None
    module = acceleration.compiled()
    count, dim = candidates.shape
    if module is None or dim != len(queries) or dim == 0 or count == 0:
        return None
    if type(kernel) is not str and not (
        isinstance(kernel, Kernel) and type(kernel.unweighted) in BUILT_IN_KERNELS
    ):
        return None  # a kernel of the caller's own, which the cache would keep alive
    try:
        settings = _settings(kernel, lambda_, objective)
    except TypeError:  # λ′ or an objective that has no hash
        return None
    if settings is None:
        return None
    scale, weighted, after = settings
    rounding = COSINE_ROUNDING
    if relevance is not None:
        if not (
            weighted
            and type(relevance) is np.ndarray
            and relevance.dtype in (_FLOAT32, _FLOAT64)
            and relevance.shape == (count,)
            and relevance.min().item() >= -LARGEST
            and relevance.max().item() <= LARGEST
        ):
            return None
        rounding = ROUNDING * epsilon_of(relevance)
        relevance = np.ascontiguousarray(relevance, dtype=np.float64)
    places = places_for(k, min(k, count))
    indices = np.empty(places, np.int64)
    gains, variance = np.empty(places, _FLOAT32), np.empty(places + 1, _FLOAT32)
    status = module.select(
        0, candidates, 1, count, dim, None, count, queries, 1, 1,
        *scale, relevance, rounding, *after, None, None, None, places, indices, gains, variance,
    )  # fmt: skip
    if status != FINE:
        return None
    reason = StopReason.K if k <= count else StopReason.EXHAUSTED
    return Selection(indices, variance, gains, reason)


@lru_cache(maxsize=256)
def _settings(
    kernel: KernelLike, lambda_: float, objective: str
) -> tuple[tuple[Any, ...], bool, tuple[Any, ...]] | None:
    """Arguments of the compiled function before and after the relevance, and whether it is used."""
    resolved = resolve_kernel(kernel)
    base, weighting = resolved.unweighted, resolved.weighting
    if type(base) not in BUILT_IN_KERNELS or objective not in ("variance", "undirected"):
        return None
    assert isinstance(base, InnerProductKernel)
    if not base.normalized or type(lambda_) not in (int, float):
        return None
    largest = base.largest_variance(np.ones((1, 1, 1), np.float32))
    if not fits_float32(base, lambda_, largest) or largest > FLOAT32_VARIANCES[1]:
        return None
    gamma, standardized = -1.0, 0
    if weighting is not None:
        gamma, standardized = weighting.gamma, int(weighting.standardized)
    before = (*parameters(base), gamma, standardized)
    after = (
        OBJECTIVES[Objective(objective)], None, float(lambda_), int(base.positive_only), 0,
    )  # fmt: skip
    return before, weighting is not None, after
