"""From what a caller passes to a `Problem`: conversion, validation, precision."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, TypedDict

import numpy as np

from sift_retrievers.arrays import (
    Array,
    ArrayLike,
    as_numpy,
    as_tensor,
    check_finite,
    home_of,
    is_tensor,
    namespace,
)
from sift_retrievers.kernels.kernel import InnerProductKernel, Kernel
from sift_retrievers.kernels.names import KernelLike, resolve_kernel
from sift_retrievers.selection.per_candidate import costs_of, groups_of, per_candidate, rows_of
from sift_retrievers.selection.problem import Objective, Problem
from sift_retrievers.validation import count, flag, is_cpu, positive, torch_device

if TYPE_CHECKING:
    import torch

# In float32 the error of σ² grows like 1e-8 / λ′ in units of the prior variance (on
# near-duplicates: 5e-5 at λ′ = 1e-4, 3e-4 at 2e-5). Below this ratio of λ′ to the largest prior
# variance the engine computes in float64; so it does where λ′ would leave the range of float32.
FLOAT32_NOISE_FLOOR: Final = 1e-5
FLOAT32_LARGEST_NOISE: Final = 1e30
LARGEST_IN_FLOAT32: Final = 1e15  # products of two covariances are finite, sums of them too
FLOAT64_NOISE_FLOOR: Final = 2.0**-48  # 16 ε


class ProblemOptions(TypedDict, total=False):
    """The keyword arguments of `build_problem`, for those who pass them on."""

    kernel: KernelLike
    lambda_: float
    objective: str
    relevance: ArrayLike | None
    replacement: bool
    costs: ArrayLike | None
    budget: float | ArrayLike | None
    groups: ArrayLike | None
    ids: ArrayLike | None
    device: str | torch.device | None


def build_problem(
    queries: ArrayLike,
    candidates: ArrayLike,
    k: int,
    *,
    kernel: KernelLike = "cosine",
    lambda_: float = 1.0,
    objective: str = "variance",
    relevance: ArrayLike | None = None,
    replacement: bool = False,
    costs: ArrayLike | None = None,
    budget: float | ArrayLike | None = None,
    groups: ArrayLike | None = None,
    ids: ArrayLike | None = None,
    device: str | torch.device | None = None,
) -> Problem:
    """Check and convert the arguments of `select`, whose docstring describes them.

    On a CPU the arrays are numpy's, whatever came, unless a kernel of the caller's own is to see
    the tensors that came.

    Raises:
        ValueError, TypeError: as `select` says.
    """
    noise, k = positive(lambda_, "lambda_"), count(k, "k")
    replacement = flag(replacement, "replacement")
    resolved = resolve_kernel(kernel)
    base = resolved.unweighted
    if objective not in _OBJECTIVES:
        raise ValueError(f"objective must be one of {[*_OBJECTIVES]}; got {objective!r}")
    if relevance is not None and not resolved.weighs_relevance:
        raise ValueError(
            'relevance is used by the kernel "relevance" (RelevanceWeighted) alone; got '
            f"kernel={kernel!r}"
        )

    place = _place(candidates, device, base)
    given: Any
    pool: Any
    if place is None:
        given, pool = as_numpy(queries, "queries"), as_numpy(candidates, "candidates")
    else:
        pool = as_tensor(candidates, "candidates").to(place)
        given = as_tensor(queries, "queries").to(place)
    check_finite(given, "queries")
    targets, pool = _shapes(given, pool)
    _check_targets(targets)
    batch = targets.shape[0]
    rows = None if ids is None else rows_of(ids, batch, pool)
    size = pool.shape[1] if rows is None else rows.shape[1]

    objective = Objective(objective)
    dtype, noise = _resolved(base, noise, targets, pool, rows, objective)
    rho = None if relevance is None else per_candidate(relevance, "relevance", batch, size)
    spending, left = costs_of(costs, budget, batch, size)
    numbers = None if groups is None else groups_of(groups, replacement, batch, size)
    return Problem(
        targets=_as(targets, dtype),
        candidates=_as(pool, dtype),
        kernel=base,
        noise=noise,
        k=k,
        objective=objective,
        replacement=replacement,
        ids=_moved(rows, place),
        weighting=resolved.weighting,
        relevance=_moved(rho, place),
        costs=_moved(spending, place),
        budget=_moved(left, place),
        groups=_moved(numbers, place),
    )


_OBJECTIVES: Final = {str(objective): objective for objective in Objective}


def _place(
    candidates: ArrayLike, device: str | torch.device | None, kernel: Kernel
) -> torch.device | None:
    """The device to compute on; None: numpy on the CPU."""
    home = home_of(candidates)
    place = home if device is None else None
    if device is not None and (not is_cpu(device) or home is not None):
        place = torch_device(device)
    if place is None or (place.type == "cpu" and isinstance(kernel, InnerProductKernel)):
        return None
    return place


def _as(array: Array, dtype: str) -> Array:
    """An array in the type to compute in; half precision stays where a GPU reads it itself."""
    if not is_tensor(array):
        return array if array.dtype == dtype else array.astype(dtype)
    xp = namespace(array)
    if dtype == "float32" and array.dtype in (xp.float16, xp.bfloat16) and array.ndim == 3:
        return array
    return array.to(getattr(xp, dtype))


def _moved(array: Any, place: torch.device | None) -> Any:
    """A checked numpy array where the others are."""
    if array is None or place is None:
        return array
    return _exact_tensor(array).to(place)


def _exact_tensor(array: Any) -> torch.Tensor:
    """A numpy array as a tensor of its own type."""
    import torch

    return torch.from_numpy(np.ascontiguousarray(array))


def _shapes(queries: Array, candidates: Array) -> tuple[Array, Array]:
    """Bring queries to `[B, m, d]` and candidates to `[B or 1, K, d]`."""

    def wrong(expected: str) -> ValueError:
        came = f"queries {tuple(queries.shape)} and candidates {tuple(candidates.shape)}"
        return ValueError(f"{expected}; got {came}")

    if queries.ndim not in (1, 2, 3) or 0 in queries.shape:
        raise wrong("queries must be [d], [B, d] or [B, m, d], none of them 0")
    if candidates.ndim not in (2, 3):
        raise wrong("candidates must be [K, d] or [B, K, d]")
    targets = queries.reshape(-1, 1, queries.shape[-1]) if queries.ndim < 3 else queries
    pool = candidates[None] if candidates.ndim == 2 else candidates
    if pool.shape[0] != targets.shape[0] and candidates.ndim == 3:
        raise wrong("queries and candidates must agree in the batch size B")
    if pool.shape[2] != targets.shape[2]:
        raise wrong("queries and candidates must agree in the dimension d")
    return targets, pool


def _check_targets(targets: Array) -> None:
    asks = targets.any(-1)
    if bool(asks.all()):
        return
    row, target = (int(axis[0]) for axis in namespace(asks).nonzero(~asks))
    raise ValueError(f"query {row}, target {target} is a zero vector: it asks for nothing")


def _resolved(
    kernel: Kernel,
    noise: float,
    targets: Array,
    pool: Array,
    ids: Any,
    objective: Objective,
) -> tuple[str, float]:
    """The type in which λ′, or the targets' dependence, can be resolved, and λ′ as it resolves it.

    Below the rounding of float64 there is nothing to resolve: what rounding leaves of the variance
    of a copy would count as news.
    """
    if not (isinstance(kernel, InnerProductKernel) and kernel.normalized):
        if ids is not None:  # rows that nobody points to do not count
            pool = pool[:, namespace(pool).asarray(np.unique(ids[ids >= 0]))]
        check_finite(pool, "candidates" if ids is None else "candidates (rows in ids)")
    largest = kernel.largest_variance(pool)
    double = targets.dtype.itemsize == 8 or pool.dtype.itemsize == 8
    if not double and not max(largest, kernel.largest_variance(targets)) < LARGEST_IN_FLOAT32:
        double, largest = True, kernel.largest_variance(_as(pool, "float64"))
    if not math.isfinite(largest):
        raise ValueError(
            f"candidates are too large for {kernel!r}: the largest prior variance is {largest}"
        )
    noise = max(noise, FLOAT64_NOISE_FLOOR * largest)
    if double or (objective is Objective.ENTROPY and targets.shape[1] > 1):
        return "float64", noise
    resolved = FLOAT32_NOISE_FLOOR * largest <= noise <= FLOAT32_LARGEST_NOISE
    return "float32" if resolved else "float64", noise
