"""From what a caller passes to a `Problem`: conversion, validation, precision, weights."""

from __future__ import annotations

import math
from typing import TypedDict

import torch
from torch import Tensor

from sift_retrievers.arrays import ArrayLike, as_tensor, check_finite
from sift_retrievers.backends.problem import Objective, Problem, few_rows
from sift_retrievers.kernels import (
    InnerProductKernel,
    Kernel,
    KernelLike,
    RelevanceWeighted,
    inner_products,
    resolve_kernel,
    unit_vectors,
)
from sift_retrievers.validation import count, positive, torch_device

# In float32 the error of σ² grows like 1e-8 / λ′ in units of the prior variance (on
# near-duplicates: 5e-5 at λ′ = 1e-4, 3e-4 at 2e-5). Below this ratio of λ′ to the largest prior
# variance the engine computes in float64; so it does where λ′ would leave the range of float32.
FLOAT32_NOISE_FLOOR = 1e-5
FLOAT32_LARGEST_NOISE = 1e30

HALF = (torch.float16, torch.bfloat16)
WHOLE = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)


class ProblemOptions(TypedDict, total=False):
    """The keyword arguments of `build_problem`, for those who pass them on."""

    kernel: KernelLike
    lambda_: float
    objective: str
    relevance: ArrayLike | None
    replacement: bool
    costs: ArrayLike | None
    budget: float | ArrayLike | None
    per_cost: bool
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
    per_cost: bool = False,
    groups: ArrayLike | None = None,
    ids: ArrayLike | None = None,
    device: str | torch.device | None = None,
) -> Problem:
    """Check and convert the arguments of `select`, whose docstring describes them.

    Raises:
        ValueError, TypeError: as `select` says.
    """
    noise, k = positive(lambda_, "lambda_"), count(k, "k")
    resolved = resolve_kernel(kernel)
    if objective not in tuple(Objective):
        raise ValueError(f"objective must be one of {[*map(str, Objective)]}; got {objective!r}")

    pool = as_tensor(candidates, "candidates", finite=ids is None)
    place = pool.device if device is None else torch_device(device)
    pool = pool.to(place)
    targets, pool = _shapes(as_tensor(queries, "queries").to(place), pool)
    _check_targets(targets)
    rows = None if ids is None else _ids(ids, targets.shape[0], pool).to(place)
    if rows is not None and not few_rows(rows, pool):
        check_finite(pool[0], "candidates")  # few are checked where they are gathered
    size = pool.shape[1] if rows is None else rows.shape[1]
    batch = targets.shape[0]

    base = resolved.base if isinstance(resolved, RelevanceWeighted) else resolved
    dtype = _precision(base, noise, targets, pool, rows, Objective(objective))
    if targets.dtype != dtype:
        targets = targets.to(dtype)
    half = dtype == torch.float32 and pool.dtype in HALF  # which a GPU reads itself
    if pool.dtype != dtype and not half:
        pool = pool.to(dtype)

    weights = None
    if isinstance(resolved, RelevanceWeighted):
        given = (
            _similarity(targets, pool, rows)
            if relevance is None
            else _per_candidate(relevance, "relevance", batch, size).to(place, dtype)
        )
        weights = resolved.weights(given, None if rows is None else rows >= 0)
        # A zero vector says nothing, whatever a kernel makes of it: a text of blanks has one.
        if bool((pool[..., 0] == 0).any()):
            weights = weights.masked_fill(_zero(pool, rows), 0.0)
    elif relevance is not None:
        raise ValueError(
            'relevance is used by the kernel "relevance" (RelevanceWeighted) alone; got '
            f"kernel={kernel!r}"
        )
    spending, left = _costs(costs, budget, per_cost, batch, size)
    return Problem(
        targets=targets,
        candidates=pool,
        kernel=base,
        noise=noise,
        k=k,
        objective=Objective(objective),
        replacement=replacement,
        ids=rows,
        weights=weights,
        costs=None if spending is None else spending.to(place, dtype),
        budget=None if left is None else left.to(place, dtype),
        per_cost=per_cost,
        groups=None if groups is None else _groups(groups, replacement, batch, size).to(place),
    )


def home_of(candidates: ArrayLike) -> torch.device | None:
    """The device that results go back to; None for numpy."""
    if isinstance(candidates, list | tuple) and len(candidates) > 0:
        candidates = candidates[0]  # a list of tensors counts as torch
    return candidates.device if isinstance(candidates, Tensor) else None


def _shapes(queries: Tensor, candidates: Tensor) -> tuple[Tensor, Tensor]:
    """Bring queries to `[B, m, d]` and candidates to `[B or 1, K, d]`."""

    def wrong(expected: str) -> ValueError:
        came = f"queries {tuple(queries.shape)} and candidates {tuple(candidates.shape)}"
        return ValueError(f"{expected}; got {came}")

    if queries.ndim not in (1, 2, 3) or queries.numel() == 0:
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


def _check_targets(targets: Tensor) -> None:
    if targets.device.type == "cpu" and targets.numpy().any(axis=2).all():
        return
    asks = targets.any(dim=2).tolist()
    wrong = [(b, t) for b, row in enumerate(asks) for t, asked in enumerate(row) if not asked]
    if wrong:
        row, target = wrong[0]
        raise ValueError(f"query {row}, target {target} is a zero vector: it asks for nothing")


def _ids(ids: ArrayLike, batch: int, pool: Tensor) -> Tensor:
    """`[B, K]` int64 rows of the matrix `[1, N, d]`, −1 for none."""
    rows = ids if isinstance(ids, Tensor) else torch.as_tensor(ids)
    came = f"got {tuple(rows.shape)} of {rows.dtype} for candidates {tuple(pool.shape[1:])}"
    if rows.ndim != 2 or rows.shape[0] != batch or rows.dtype not in WHOLE or pool.shape[0] != 1:
        raise ValueError(f"ids must be whole numbers [B={batch}, K], candidates [N, d]; {came}")
    if rows.numel() and (int(rows.min()) < -1 or int(rows.max()) >= pool.shape[1]):
        raise ValueError(
            f"ids must be rows of the matrix or −1; {came}, from {int(rows.min())} to "
            f"{int(rows.max())}"
        )
    return rows.to(torch.int64)


def _per_candidate(values: ArrayLike, name: str, batch: int, size: int) -> Tensor:
    tensor = as_tensor(values, name)
    if tuple(tensor.shape) not in ((size,), (batch, size)):
        raise ValueError(
            f"{name} must be [K={size}] or [B={batch}, K={size}]; got {tuple(tensor.shape)}"
        )
    return tensor.expand(batch, size)


def _groups(groups: ArrayLike, replacement: bool, batch: int, size: int) -> Tensor:
    numbers = groups if isinstance(groups, Tensor) else torch.as_tensor(groups)
    if tuple(numbers.shape) not in ((size,), (batch, size)) or numbers.dtype not in WHOLE:
        raise ValueError(
            f"groups must be whole numbers [K={size}] or [B={batch}, K={size}]; got "
            f"{tuple(numbers.shape)} of {numbers.dtype}"
        )
    if replacement:
        raise ValueError("groups are picked from once; they do not go together with replacement")
    return numbers.to(torch.int64).expand(batch, size)


def _costs(
    costs: ArrayLike | None,
    budget: float | ArrayLike | None,
    per_cost: bool,
    batch: int,
    size: int,
) -> tuple[Tensor | None, Tensor | None]:
    if costs is None:
        if budget is not None or per_cost:
            raise ValueError("budget and per_cost need costs, what each candidate costs; got None")
        return None, None
    spending = _per_candidate(costs, "costs", batch, size)
    if bool((spending < 0).any()) or (per_cost and bool((spending == 0).any())):
        least = "positive" if per_cost else "at least 0"
        raise ValueError(f"costs must be {least}; the smallest is {float(spending.min())}")
    if budget is None:
        return spending, None
    limit = as_tensor([budget] if isinstance(budget, int | float) else budget, "budget")
    if limit.ndim != 1 or limit.shape[0] not in (1, batch) or bool((limit < 0).any()):
        raise ValueError(
            f"budget must be one number or [B={batch}] numbers of at least 0; got {budget!r}"
        )
    return spending, limit.expand(batch)


def _precision(
    kernel: Kernel,
    noise: float,
    targets: Tensor,
    pool: Tensor,
    ids: Tensor | None,
    objective: Objective,
) -> torch.dtype:
    """The floating-point type in which λ′, or the targets' dependence, can be resolved."""
    dtype = torch.float32
    if torch.float64 in (targets.dtype, pool.dtype):
        return torch.float64
    if objective is Objective.ENTROPY and targets.shape[1] > 1:
        return torch.float64
    if ids is not None and not (isinstance(kernel, InnerProductKernel) and kernel.normalized):
        pool = pool[:, torch.unique(ids.clamp_min(0))]  # rows that nobody points to do not count
    largest = kernel.largest_variance(pool)
    if not math.isfinite(largest):
        raise ValueError(
            f"candidates are too large for {kernel!r} in {dtype}: the largest prior variance is "
            f"{largest}"
        )
    resolved = FLOAT32_NOISE_FLOOR * largest <= noise <= FLOAT32_LARGEST_NOISE
    return dtype if resolved else torch.float64


def _zero(pool: Tensor, ids: Tensor | None) -> Tensor:
    """Which candidates have no length: `[B or 1, K]`."""
    zero = (pool == 0).all(dim=-1)
    return zero if ids is None else zero[0][ids.clamp_min(0)]


def _similarity(targets: Tensor, pool: Tensor, ids: Tensor | None) -> Tensor:
    """Cosine of every candidate to the query, the largest over its targets: `[B, K]`."""
    gather = ids is not None and ids.numel() < pool.shape[1]
    if ids is not None and gather:
        pool = pool[0][ids.clamp_min(0)]
    cosine = inner_products(unit_vectors(targets), unit_vectors(pool.to(targets.dtype))).amax(dim=1)
    return cosine if ids is None or gather else cosine.gather(1, ids.clamp_min(0))
