"""`build_problem`: checks the arguments of `select`, once, and makes a `Problem` of them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final, Unpack, cast

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
from sift_retrievers.kernels.built_in import BUILT_IN_KERNELS
from sift_retrievers.kernels.checked import CheckedKernel
from sift_retrievers.kernels.kernel import InnerProductKernel, Kernel
from sift_retrievers.kernels.names import KernelLike, resolve_kernel
from sift_retrievers.selection.options import SelectOptions
from sift_retrievers.selection.per_candidate import costs_of, groups_of, relevance_of, rows_of
from sift_retrievers.selection.precision import pointed_to, type_and_noise
from sift_retrievers.selection.problem import Objective, Problem
from sift_retrievers.validation import count, flag, is_cpu, positive, torch_device

if TYPE_CHECKING:
    import torch


def build_problem(
    queries: ArrayLike, candidates: ArrayLike, k: int, **options: Unpack[SelectOptions]
) -> Problem:
    """Check and convert the arguments of `select`, whose docstring describes them.

    On a CPU, tensors become numpy arrays, unless the kernel is the caller's own and may expect
    tensors. `alpha`, `min_gain` and `solver` are ignored: they are not part of the problem.

    Raises:
        ValueError, TypeError: as `select` says.
    """
    noise = positive(options.get("lambda_", 1.0), "lambda_")
    k = count(k, "k", largest=None)
    replacement = flag(options.get("replacement", False), "replacement")
    # The callers for a Coverage or a matrix of similarities pass another kernel in its place.
    asked = resolve_kernel(cast("KernelLike", options.get("kernel", "cosine")))
    kernel = asked.unweighted
    objective = _objective(options.get("objective", Objective.VARIANCE))
    relevance = options.get("relevance")
    if relevance is not None and not asked.weighs_relevance:
        raise ValueError(
            'relevance is used by the kernel "relevance" (RelevanceWeighted) alone; got '
            f"kernel={asked!r}"
        )

    place = _place(candidates, options.get("device"), kernel)
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
    ids = options.get("ids")
    rows = None if ids is None else rows_of(ids, batch, pool)
    size = pool.shape[1] if rows is None else rows.shape[1]
    if replacement and size > 0:
        _check_memory(k, batch, size)

    kernel = _checked(kernel, targets, pool, rows)
    dtype, noise = type_and_noise(kernel, noise, targets, pool, rows, objective)
    rho = None if relevance is None else relevance_of(relevance, batch, size)
    costs, budget = costs_of(options.get("costs"), options.get("budget"), batch, size)
    groups = options.get("groups")
    numbers = None if groups is None else groups_of(groups, replacement, batch, size)
    return Problem(
        targets=_as(targets, dtype),
        candidates=_as(pool, dtype),
        kernel=kernel,
        noise=noise,
        k=k,
        objective=objective,
        replacement=replacement,
        ids=_moved(rows, place),
        weighting=asked.weighting,
        relevance=_moved(rho, place),
        costs=_moved(costs, place),
        budget=_moved(budget, place),
        groups=_moved(numbers, place),
    )


_OBJECTIVES: Final = {str(objective): objective for objective in Objective}


def _objective(name: Any) -> Objective:
    if not isinstance(name, str) or name not in _OBJECTIVES:
        raise ValueError(f"objective must be one of {[*_OBJECTIVES]}; got {name!r}")
    return _OBJECTIVES[name]


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


def _checked(kernel: Kernel, targets: Array, pool: Array, rows: Any) -> Kernel:
    """Check a kernel of the caller's own; where needed, wrap it so that all results are checked."""
    if type(kernel) in BUILT_IN_KERNELS:
        return kernel
    checked = CheckedKernel(kernel)
    passages = pointed_to(pool, rows)
    check_finite(passages, "candidates" if rows is None else "candidates (rows in ids)")
    checked.check(targets, passages)
    return kernel if isinstance(kernel, InnerProductKernel) else checked


def _check_memory(k: int, batch: int, size: int) -> None:
    """Check that there is memory for k picks with replacement, each with a row of `size` numbers.

    Raises:
        ValueError: if there is not.
    """
    needed = 8 * k * (size + 3 * batch)
    there = _memory()
    if needed > there:
        raise ValueError(
            f"k={k} with replacement needs about {needed / 2**30:.3g} GiB for {size} candidates "
            f"and {batch} queries; this machine has {there / 2**30:.3g} GiB"
        )


def _memory() -> int:
    """Bytes of memory of this machine; if it does not tell, the bytes that can be addressed."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return 2**47


def _as(array: Array, dtype: str) -> Array:
    """An array in the type to compute in; half precision stays where a GPU reads it itself."""
    if not is_tensor(array):
        return array if array.dtype == dtype else array.astype(dtype)
    xp = namespace(array)
    if dtype == "float32" and array.dtype in (xp.float16, xp.bfloat16) and array.ndim == 3:
        return array
    return array.to(getattr(xp, dtype))


def _moved(array: Any, place: torch.device | None) -> Any:
    """A numpy array, moved to the device of the other arrays; None stays None."""
    if array is None or place is None:
        return array
    import torch

    given = np.ascontiguousarray(array)
    return torch.from_numpy(given if given.flags.writeable else given.copy()).to(place)


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
