"""`select`: the one public door to greedy information-gain selection."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, TypeVar, overload

import numpy.typing as npt
import torch
from torch import Tensor

from sift_retrievers.arrays import ArrayLike, as_tensor
from sift_retrievers.backends.problem import Picks, Problem
from sift_retrievers.backends.reference import select_reference
from sift_retrievers.kernels import Kernel, resolve_kernel

ArrayT = TypeVar("ArrayT", bound="Tensor | npt.NDArray[Any]")

# Below this ratio of λ′ to the largest prior variance, float32 no longer resolves the residuals
# (relative excess variance 3e-4 and more on near-duplicates): the engine computes in float64.
FLOAT32_NOISE_FLOOR = 1e-5


class StopReason(StrEnum):
    """Why a selection has the length it has."""

    K = "k"
    """k passages were picked."""
    EXHAUSTED = "exhausted"
    """Every candidate was picked, and there were fewer than k."""


@dataclass(frozen=True)
class Selection(Generic[ArrayT]):
    """The passages picked for B queries, and what each pick was worth.

    Arrays are of the kind that `candidates` had: numpy, or torch on the same device.
    """

    indices: ArrayT
    """`[B, k]` positions among the candidates in selection order; −1 where it ended early."""
    variance: ArrayT
    """`[B, k + 1]` σ²_0 … σ²_k: posterior variance, summed over the targets, before and after
    every pick. Where it ended early the last value is repeated."""
    gains: ArrayT
    """`[B, k]` what each pick added, ½ log(σ²_n / σ²_{n+1}), in nats; 0 where it ended early.
    With one target this is the information gain I(f(x*); y | X_n). With several it is half the log
    of the ratio of the summed variances, which is not an information gain."""
    stop_reason: tuple[StopReason, ...]
    """Why each of the B selections ended."""


@overload
def select(
    queries: ArrayLike,
    candidates: Tensor,
    k: int,
    *,
    kernel: str | Kernel = ...,
    lambda_: float = ...,
    replacement: bool = ...,
    device: str | torch.device | None = ...,
) -> Selection[Tensor]: ...
@overload
def select(
    queries: ArrayLike,
    candidates: npt.NDArray[Any] | list[Any] | tuple[Any, ...],
    k: int,
    *,
    kernel: str | Kernel = ...,
    lambda_: float = ...,
    replacement: bool = ...,
    device: str | torch.device | None = ...,
) -> Selection[npt.NDArray[Any]]: ...
def select(
    queries: ArrayLike,
    candidates: ArrayLike,
    k: int,
    *,
    kernel: str | Kernel = "cosine",
    lambda_: float = 1.0,
    replacement: bool = False,
    device: str | torch.device | None = None,
) -> Selection[Any]:
    """Pick, one at a time, the k candidates that leave the query least uncertain.

    SIFT(λ′) of arXiv 2410.08020 (with several targets a query: VTL of arXiv 2402.15898), exact.
    The rules are in `sift_retrievers.backends.reference`.

    Args:
        queries: `[d]` one query, `[B, d]` one target each for B queries, or `[B, m, d]` m targets
            each. Lists, numpy or torch.
        candidates: `[K, d]` one pool shared by all queries, or `[B, K, d]` a pool each. Put the
            nearest first: equal scores go to the lowest index.
        k: passages to pick for each query, at least 1.
        kernel: a name or a `Kernel`; what "similar" means.
        lambda_: λ′ > 0, the variance of the observation noise in units of the kernel (cosine: a
            passage has prior variance 1). Small values punish redundancy hard, large ones tend to
            the nearest neighbours.
        replacement: allow a passage to be picked again (a further gradient step, as in the paper).
        device: where to compute; default: where the candidates are. The result comes back to where
            the candidates are.

    Returns:
        A `Selection` with arrays of the kind of `candidates`.

    Raises:
        ValueError: for a shape that does not fit, k < 1, λ′ that is not positive and finite, values
            that are NaN or infinite, or a query without length.
    """
    noise = _positive(lambda_, "lambda_")
    if isinstance(k, bool) or not hasattr(k, "__index__") or (k := k.__index__()) < 1:
        raise ValueError(f"k must be a whole number of at least 1; got {k!r}")
    resolved = resolve_kernel(kernel)

    pool = as_tensor(candidates, "candidates")
    home = pool.device
    place = _device(device) if device is not None else home
    pool = pool.to(place)
    targets = as_tensor(queries, "queries").to(place)
    targets, pool = _shapes(targets, pool)

    with torch.no_grad():
        picks = select_reference(_problem(targets, pool, resolved, noise, k, replacement))
    return _selection(picks, k, like_torch=isinstance(candidates, Tensor), home=home)


def _positive(value: float, name: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be a positive number; got {value!r}") from None
    if not (math.isfinite(number) and number > 0):
        raise ValueError(f"{name} must be positive and finite; got {value!r}")
    return number


def _device(device: str | torch.device) -> torch.device:
    resolved = torch.device(device)
    if resolved.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"device {str(device)!r} was asked for, but torch sees no CUDA device")
    return resolved


def _shapes(queries: Tensor, candidates: Tensor) -> tuple[Tensor, Tensor]:
    """Bring queries to `[B, m, d]` and candidates to `[B or 1, K, d]`."""
    came = f"got queries {tuple(queries.shape)} and candidates {tuple(candidates.shape)}"
    if queries.ndim not in (1, 2, 3) or 0 in queries.shape:
        raise ValueError(f"queries must be [d], [B, d] or [B, m, d], none of them 0; {came}")
    if candidates.ndim not in (2, 3):
        raise ValueError(f"candidates must be [K, d] or [B, K, d]; {came}")
    targets = queries.reshape(-1, 1, queries.shape[-1]) if queries.ndim < 3 else queries
    pool = candidates[None] if candidates.ndim == 2 else candidates
    if pool.shape[0] != targets.shape[0] and candidates.ndim == 3:
        raise ValueError(f"queries and candidates must agree in the batch size B; {came}")
    if pool.shape[2] != targets.shape[2]:
        raise ValueError(f"queries and candidates must agree in the dimension d; {came}")
    return targets, pool


def _problem(
    targets: Tensor, pool: Tensor, kernel: Kernel, noise: float, k: int, replacement: bool
) -> Problem:
    """Compute the kernel's features, in a precision in which λ′ can be resolved."""
    dtype = torch.promote_types(targets.dtype, pool.dtype)
    x, q = kernel.features(pool.to(dtype)), kernel.features(targets.to(dtype))
    prior = kernel.diagonal(q)
    if not bool((prior > 0).all()):
        row, target = torch.nonzero(~(prior > 0))[0].tolist()
        raise ValueError(
            f"query {row}, target {target} has prior variance {float(prior[row, target])} under "
            f"{kernel!r}: nothing can be learned about it (is it a zero vector?)"
        )
    if dtype == torch.float32 and pool.numel() > 0:
        largest = max(float(kernel.diagonal(x).max()), float(prior.max()))
        if noise < FLOAT32_NOISE_FLOOR * largest:
            x, q = kernel.features(pool.double()), kernel.features(targets.double())
    return Problem(
        targets=q, candidates=x, kernel=kernel, noise=noise, k=k, replacement=replacement
    )


def _selection(picks: Picks, k: int, *, like_torch: bool, home: torch.device) -> Selection[Any]:
    """Pad to k picks, compute the gains, and hand back the caller's kind of array."""
    made = picks.indices.shape[1]
    reason = StopReason.K if made == k else StopReason.EXHAUSTED
    indices = torch.nn.functional.pad(picks.indices, (0, k - made), value=-1)
    last = picks.variance[:, -1:].expand(-1, k - made)
    variance = torch.cat([picks.variance, last], dim=1)
    gains = 0.5 * torch.log(variance[:, :-1] / variance[:, 1:])

    def as_given(tensor: Tensor) -> Any:
        return tensor.to(home) if like_torch else tensor.cpu().numpy()

    return Selection(
        indices=as_given(indices),
        variance=as_given(variance),
        gains=as_given(gains),
        stop_reason=(reason,) * indices.shape[0],
    )
