"""What came for single candidates (ids, relevance, costs, groups), checked: numpy, `[B, K]`."""

from __future__ import annotations

from typing import Any

import numpy as np

from sift_retrievers.arrays import Array, ArrayLike, as_numpy, check_finite, host, is_tensor


def rows_of(ids: ArrayLike, batch: int, pool: Array) -> Any:
    """`[B, K]` int64 rows of the matrix `[1, N, d]`, −1 for none; numpy."""
    rows = _whole_numbers(ids, "ids")
    if rows.ndim == 1 and batch == 1:  # of a query [d]
        rows = rows[None]
    came = f"got {rows.shape} of {rows.dtype} for candidates {tuple(pool.shape[1:])}"
    whole = rows.dtype.kind in "iu"
    if rows.ndim != 2 or rows.shape[0] != batch or not whole or pool.shape[0] != 1:
        raise ValueError(f"ids must be whole numbers [B={batch}, K], candidates [N, d]; {came}")
    if rows.size and (int(rows.min()) < -1 or int(rows.max()) >= pool.shape[1]):
        raise ValueError(
            f"ids must be rows of the matrix or −1; {came}, from {int(rows.min())} to "
            f"{int(rows.max())}"
        )
    return rows.astype(np.int64, copy=False)


def per_candidate(values: ArrayLike, name: str, batch: int, size: int) -> Any:
    """`[B, K]` finite numbers of `[K]` or `[B, K]`."""
    array = as_numpy(values, name)
    if array.shape not in ((size,), (batch, size)):
        raise ValueError(f"{name} must be [K={size}] or [B={batch}, K={size}]; got {array.shape}")
    check_finite(array, name)
    return np.broadcast_to(array, (batch, size))


def groups_of(groups: ArrayLike, replacement: bool, batch: int, size: int) -> Any:
    """`[B, K]` int64 of `[K]` or `[B, K]`."""
    numbers = _whole_numbers(groups, "groups")
    if numbers.shape not in ((size,), (batch, size)) or numbers.dtype.kind not in "iu":
        raise ValueError(
            f"groups must be whole numbers [K={size}] or [B={batch}, K={size}]; got "
            f"{numbers.shape} of {numbers.dtype}"
        )
    if replacement:
        raise ValueError("groups are picked from once; they do not go together with replacement")
    return np.broadcast_to(numbers.astype(np.int64, copy=False), (batch, size))


def costs_of(
    costs: ArrayLike | None,
    budget: float | ArrayLike | None,
    batch: int,
    size: int,
) -> tuple[Any, Any]:
    """`[B, K]` float64 costs and `[B]` budgets, or None for what was not given."""
    if costs is None:
        if budget is not None:
            raise ValueError("budget needs costs, what each candidate costs; got None")
        return None, None
    spending = per_candidate(_precise(costs), "costs", batch, size)
    if (spending < 0).any():
        raise ValueError(f"costs must be at least 0; the smallest is {float(spending.min())}")
    if budget is None:
        return spending, None
    limit = np.atleast_1d(as_numpy(_precise(budget), "budget"))  # type: ignore[arg-type]
    if limit.ndim != 1 or limit.shape[0] not in (1, batch) or not (limit >= 0).all():
        raise ValueError(
            f"budget must be one number or [B={batch}] numbers of at least 0; got {budget!r}"
        )
    return spending, np.broadcast_to(limit, (batch,))


def _precise(values: ArrayLike) -> ArrayLike:
    """Lists of numbers in float64: in float32 ten costs of 0.1 are more than 1."""
    if is_tensor(values):
        return values.double()  # type: ignore[union-attr]
    if isinstance(values, np.ndarray) and values.dtype.kind not in "fiub":
        return values
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        return values  # whose conversion says what is wrong


def _whole_numbers(values: ArrayLike, name: str) -> Any:
    """A numpy array, of any shape and type; what is ragged is none."""
    try:
        return host(values)
    except ValueError as error:
        raise ValueError(f"{name} must be whole numbers in rows of one length: {error}") from error
