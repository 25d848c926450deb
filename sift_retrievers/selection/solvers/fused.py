"""A batch of selections in one launch on a GPU, by the kernel in `fused_kernel`.

Objectives "variance" and "undirected", the built-in kernels, and vectors whose length is 0 or
between 1e-15 and 1e18.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import triton

from sift_retrievers.arrays import check_finite
from sift_retrievers.kernels.built_in import BUILT_IN_KERNELS, Exponential, SharedNoise
from sift_retrievers.kernels.kernel import InnerProductKernel
from sift_retrievers.selection.problem import ROUNDING, Objective, Picks, Problem
from sift_retrievers.selection.solvers.fused_kernel import select_kernel
from sift_retrievers.selection.solvers.reference import gathered, weights_of

# Elements of the factor that are kept on chip: 32 float32 registers of each of 256 threads.
ON_CHIP = 8192


def select_fused(problem: Problem) -> Picks:
    """Solve a batch in one launch, a program a query. The kernel is a built-in one."""
    kernel = problem.kernel
    assert isinstance(kernel, InnerProductKernel)
    assert type(kernel) in BUILT_IN_KERNELS  # the formulas that the kernel knows
    _check(problem)
    weights = None
    if problem.weighting is not None:
        weights = weights_of(problem, gathered(problem))
    x, q = problem.candidates, kernel.features(problem.targets).contiguous()
    batch, m, dim = q.shape
    count, steps, k = problem.pool_size, problem.steps, problem.places
    if x.stride(-1) != 1:
        x = x.contiguous()
    sigma = kernel.prior(q).diagonal(dim1=1, dim2=2).contiguous()
    indices = torch.full((batch, k), -1, dtype=torch.int64, device=x.device)
    gains = torch.zeros(batch, k, device=x.device)
    variance = sigma.sum(dim=1, keepdim=True).repeat(1, k + 1)
    if steps > 0:
        block_k, m_pad = max(16, triton.next_power_of_2(count)), triton.next_power_of_2(m)
        block_n = triton.next_power_of_2(steps)
        on_chip = block_n * block_k <= ON_CHIP
        work = torch.empty(batch, 1 + m, count, device=x.device)
        rows = gains if on_chip else torch.empty(batch, steps, count, device=x.device)
        beta = kernel.sharpness if isinstance(kernel, Exponential | SharedNoise) else 0.0
        error = kernel.error if isinstance(kernel, SharedNoise) else 0.0
        radius = kernel.radius if isinstance(kernel, Exponential) else 1.0
        select_kernel[(batch,)](
            x,
            q,
            _or(problem.ids, indices),
            _or(weights, gains),
            _or(problem.costs, gains),
            _or(problem.budget, gains),
            sigma,
            work,
            rows,
            indices,
            gains,
            variance,
            count,
            dim,
            steps,
            k,
            x.stride(0) if x.shape[0] > 1 else 0,
            x.stride(1),
            problem.noise,
            beta,
            radius,
            error,
            ROUNDING * torch.finfo(torch.float32).eps,
            torch.finfo(torch.float32).eps,
            M=m,
            M_PAD=m_pad,
            BLOCK_K=block_k,
            TILE_K=min(64, block_k),
            BLOCK_D=min(128, max(16, triton.next_power_of_2(dim))),
            BLOCK_N=block_n if on_chip else 1,
            EXPONENTIAL=isinstance(kernel, Exponential),
            SHARED_NOISE=isinstance(kernel, SharedNoise),
            NORMALIZED=kernel.normalized,
            HAS_IDS=problem.ids is not None,
            HAS_R=weights is not None,
            HAS_COSTS=problem.costs is not None,
            HAS_BUDGET=problem.budget is not None,
            POSITIVE_ONLY=kernel.positive_only,
            REPLACEMENT=problem.replacement,
            UNDIRECTED=problem.objective is Objective.UNDIRECTED,
            ROWS_ON_CHIP=on_chip,
            num_warps=8,
        )
        variance[:, steps + 1 :] = variance[:, steps : steps + 1]
    return Picks(indices=indices, gains=gains, variance=variance)


def _check(problem: Problem) -> None:
    """Raise a ValueError where candidates are not finite; a matrix's rows that count."""
    if problem.ids is None:
        check_finite(problem.candidates, "candidates")
    elif not math.isfinite(float(problem.candidates.sum())):
        gathered(problem)


def _or(tensor: Any, unused: torch.Tensor) -> torch.Tensor:
    """A contiguous tensor, or any that is never read."""
    return unused if tensor is None else tensor.contiguous()
