"""Checks of arguments with one value a candidate: ids, relevance, costs and groups."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sift_retrievers.arrays import (
    Array,
    ArrayLike,
    as_numpy,
    as_tensor,
    check_finite,
    check_tensor,
    check_unmasked,
    home_of,
    host,
    is_tensor,
    reading,
)
from sift_retrievers.kernels.weighting import LARGEST

Float64 = npt.NDArray[np.float64]


def rows_of(ids: ArrayLike, batch: int, pool: Array) -> npt.NDArray[np.int64]:
    """`[B, K]` rows of the matrix `[1, N, d]`, −1 for none."""
    rows = _whole_numbers(ids, "ids")
    if rows.ndim == 1 and batch == 1:  # of a query [d]
        rows = rows[None]
    came = f"got {rows.shape} of {rows.dtype} for candidates {tuple(pool.shape[1:])}"
    if rows.ndim != 2 or rows.shape[0] != batch or not _are_whole(rows) or pool.shape[0] != 1:
        raise ValueError(f"ids must be whole numbers [B={batch}, K], candidates [N, d]; {came}")
    if rows.size and (int(rows.min()) < -1 or int(rows.max()) >= pool.shape[1]):
        raise ValueError(
            f"ids must be rows of the matrix or −1; {came}, from {int(rows.min())} to "
            f"{int(rows.max())}"
        )
    return rows.astype(np.int64, copy=False)


def relevance_of(relevance: ArrayLike, batch: int, size: int) -> Any:
    """Relevance `[K]` or `[B, K]` as `[B, K]`, in the precision in which it was given.

    Smaller differences than the rounding errors of that precision are ignored later. Lists of
    Python numbers, and whole numbers, become float64.
    """
    values = _exactly(relevance, "relevance")
    if values.dtype.kind in "iub":
        values = values.astype(np.float64)
    found = _shaped(as_numpy(values, "relevance"), "relevance", batch, size)
    if found.size and not float(np.abs(found).max()) <= LARGEST:
        raise ValueError(
            f"relevance must be from {-LARGEST:g} to {LARGEST:g}; got {found.min():.3g} to "
            f"{found.max():.3g}"
        )
    return found


def groups_of(groups: ArrayLike, replacement: bool, batch: int, size: int) -> npt.NDArray[np.int64]:
    """Groups `[K]` or `[B, K]` as `[B, K]`."""
    numbers = _whole_numbers(groups, "groups")
    if numbers.shape not in ((size,), (batch, size)) or not _are_whole(numbers):
        raise ValueError(
            f"groups must be whole numbers [K={size}] or [B={batch}, K={size}]; got "
            f"{numbers.shape} of {numbers.dtype}"
        )
    if replacement:
        raise ValueError("groups are picked from once; they do not go together with replacement")
    return np.broadcast_to(numbers.astype(np.int64, copy=False), (batch, size))


def costs_of(
    costs: ArrayLike | None, budget: float | ArrayLike | None, batch: int, size: int
) -> tuple[Float64 | None, Float64 | None]:
    """`[B, K]` costs and `[B]` budgets, or None for what was not given.

    A budget of 1 pays for ten costs of 0.1, also in float32.
    """
    if costs is None:
        if budget is not None:
            raise ValueError("budget needs costs, what each candidate costs; got None")
        return None, None
    spending = _shaped(_as_written(costs, "costs"), "costs", batch, size)
    if (spending < 0).any():
        raise ValueError(f"costs must be at least 0; the smallest is {float(spending.min())}")
    if budget is None:
        return spending, None
    limit = np.atleast_1d(_as_written(budget, "budget"))
    if limit.ndim != 1 or limit.shape[0] not in (1, batch) or not (limit >= 0).all():
        raise ValueError(
            f"budget must be one number or [B={batch}] numbers of at least 0; got {budget!r}"
        )
    return spending, np.broadcast_to(limit, (batch,))


def _shaped(array: npt.NDArray[Any], name: str, batch: int, size: int) -> Any:
    """`[B, K]` finite numbers of `[K]` or `[B, K]`."""
    if array.shape not in ((size,), (batch, size)):
        raise ValueError(f"{name} must be [K={size}] or [B={batch}, K={size}]; got {array.shape}")
    check_finite(array, name)
    return np.broadcast_to(array, (batch, size))


def _exactly(values: Any, name: str) -> npt.NDArray[Any]:
    """An array of the type that numpy finds for the values: float64 for a list of floats.

    Raises:
        TypeError: if the values are not real numbers.
        ValueError: if rows differ in length, or if values are missing.
    """
    if is_tensor(values) and not (values.is_floating_point() or values.is_complex()):
        check_tensor(values, name)
        return host(values)
    if home_of(values) is not None:
        tensor = as_tensor(values, name)
        return host(tensor if tensor.element_size() >= 4 else tensor.float())
    check_unmasked(values, name)
    with reading(name):
        array = np.asarray(values)
        if array.dtype.kind == "O":  # numbers that numpy has no type for
            array = array.astype(np.float64)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name} must hold real numbers; got dtype {array.dtype}")
    return array if array.flags.aligned else array.copy()


def _as_written(values: Any, name: str) -> Float64:
    """Numbers in float64; a float32 becomes the shortest decimal that rounds to it.

    0.1 in float32 is 0.100000001, and ten of them exceed 1. Here it becomes 0.1 again.
    """
    if is_tensor(values) and values.element_size() < 4 and values.is_floating_point():
        return _decimals(values, as_tensor(values, name))
    array = _exactly(values, name)
    if array.dtype.kind != "f" or array.dtype.itemsize >= 8:
        return array.astype(np.float64, copy=False)
    exact = array.astype(np.float64)
    if (exact == np.rint(exact)).all():
        return exact
    return array.astype(str).astype(np.float64)


def _decimals(tensor: Any, exact: Any) -> Float64:
    """`_as_written` for tensors of half precision; numpy has no type for bfloat16."""
    wanted = host(exact.double())
    found = wanted.copy()
    for digits in (4, 3, 2, 1):
        shorter = np.array([float(f"{x:.{digits}g}") for x in wanted.ravel()])
        shorter = shorter.reshape(wanted.shape)
        same = host(exact.new_tensor(shorter.tolist()).to(tensor.dtype).double()) == wanted
        found = np.where(same, shorter, found)
    return found


def _whole_numbers(values: Any, name: str) -> npt.NDArray[Any]:
    """The values as a numpy array; the caller checks its shape, and its type by `_are_whole`."""
    if is_tensor(values):
        check_tensor(values, name)
        if values.is_floating_point() or values.is_complex():
            raise ValueError(
                f"{name} must be whole numbers; got {tuple(values.shape)} of {values.dtype}"
            )
    check_unmasked(values, name)
    try:
        return host(values)
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:
        raise ValueError(f"{name} must be whole numbers in rows of one length: {error}") from error


def _are_whole(numbers: npt.NDArray[Any]) -> bool:
    """Whether an array holds whole numbers; an empty one of any type does."""
    return numbers.dtype.kind in "iu" or numbers.size == 0
