"""Uncertainty about a query given any passages: what is left, what a further one would gain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from sift_retrievers.arrays import ArrayLike
from sift_retrievers.backends.problem import Objective, Problem
from sift_retrievers.backends.reference import gathered, whitened
from sift_retrievers.kernels import KernelLike
from sift_retrievers.problems import build_problem, home_of


def posterior_variance(
    queries: ArrayLike,
    passages: ArrayLike,
    *,
    kernel: KernelLike = "cosine",
    lambda_: float = 1.0,
    relevance: ArrayLike | None = None,
) -> Any:
    """σ² of every query after observing all its passages, summed over its targets.

    Σ_t k(x*_t, x*_t) − k_X(x*_t)ᵀ (K_X + λ′ I)⁻¹ k_X(x*_t), by one Cholesky factorisation in
    float64 (arXiv 2410.08020, section 3). Works for passages chosen by anybody: what similarity
    search returned, say.

    Args:
        queries: `[d]`, `[B, d]` or `[B, m, d]`.
        passages: `[n, d]` for all queries or `[B, n, d]`; a passage that stands twice counts twice.
        kernel: as for `select`.
        lambda_: as for `select`.
        relevance: as for `select`.

    Returns:
        `[B]` float64, of the kind of `passages`.

    Raises:
        ValueError: as `select` does.
    """
    problem = build_problem(
        queries, passages, 1, kernel=kernel, lambda_=lambda_, relevance=relevance
    )
    prior, cross, gram = _covariances(problem)
    factor = _factor(gram, problem.noise)
    explained = torch.linalg.solve_triangular(factor, cross.mT, upper=False)
    return _as_given(prior - explained.square().sum(dim=(1, 2)), passages)


def irreducible_variance(
    queries: ArrayLike,
    candidates: ArrayLike,
    *,
    kernel: KernelLike = "cosine",
    relevance: ArrayLike | None = None,
) -> Any:
    """σ² of every query that is left even if all candidates were observed without noise.

    The limit of observing the whole pool again and again: k(x*, x*) − k_Xᵀ K_X⁺ k_X (arXiv
    2402.15898, the irreducible uncertainty). No selection from the pool goes below it; a query with
    a high one asks for something that is not in the pool.

    Args:
        queries: `[d]`, `[B, d]` or `[B, m, d]`.
        candidates: `[K, d]` or `[B, K, d]`. K × K numbers are held at a time.
        kernel: as for `select`.
        relevance: as for `select`.

    Returns:
        `[B]` float64, of the kind of `candidates`.

    Raises:
        ValueError: as `select` does.
    """
    problem = build_problem(queries, candidates, 1, kernel=kernel, relevance=relevance)
    prior, cross, gram = _covariances(problem)
    values, basis = torch.linalg.eigh(gram)
    if values.shape[1] > 0:
        # float32 vectors are known to 6e-8, their Gram matrix's small eigenvalues no better.
        cutoff = values.amax(dim=1, keepdim=True) * gram.shape[1] * 1e-9
        scale = torch.where(values > cutoff, values.clamp_min(cutoff), torch.inf).rsqrt()
        cross = (cross @ basis) * scale[:, None]
    left = (prior - cross.square().sum(dim=(1, 2))).clamp_min(0.0)
    return _as_given(left, candidates)


def gains_after(
    queries: ArrayLike,
    candidates: ArrayLike,
    observed: Sequence[int],
    *,
    kernel: KernelLike = "cosine",
    lambda_: float = 1.0,
    objective: str = "variance",
    relevance: ArrayLike | None = None,
) -> Any:
    """What each candidate of one query would gain, were it picked right after those observed.

    The scores of `select` in nats, for all candidates instead of the best: why one was picked and
    another was not. By Cholesky factorisation in float64.

    Args:
        queries: `[d]`, or `[1, m, d]` for m targets.
        candidates: `[K, d]`. K × K numbers are held at a time.
        observed: positions of the picks made before; none for what each would gain alone.
        kernel: as for `select`.
        lambda_: as for `select`.
        objective: as for `select`.
        relevance: as for `select`.

    Returns:
        `[K]` float64 nats, of the kind of `candidates`; a candidate that is among those observed
        is taken as observed again.

    Raises:
        ValueError: as `select` does, or for more than one query.
    """
    problem = build_problem(
        queries,
        candidates,
        1,
        kernel=kernel,
        lambda_=lambda_,
        objective=objective,
        relevance=relevance,
    )
    if problem.batch != 1:
        raise ValueError(f"gains_after takes one query, [d] or [1, m, d]; got {problem.batch}")
    _, cross, gram = _covariances(problem)
    with torch.no_grad():
        q = problem.kernel.features(problem.targets.double())
        sigma, c, v = problem.kernel.prior(q)[0], cross[0], gram[0].diagonal().clone()
        if len(observed) > 0:
            rows = gram[0][list(observed)]  # [n, K]
            factor = _factor(rows[:, list(observed)], problem.noise)
            rows = torch.linalg.solve_triangular(factor, rows, upper=False)
            to_targets = torch.linalg.solve_triangular(factor, c[:, list(observed)].mT, upper=False)
            sigma, c = sigma - to_targets.mT @ to_targets, c - to_targets.mT @ rows
            v = (v - rows.square().sum(dim=0)).clamp_min(0.0)
    if problem.objective is Objective.VARIANCE:
        lowered = c.square().sum(dim=0) / (v + problem.noise) / sigma.trace()
        gains = -0.5 * torch.log1p(-lowered.clamp(0.0, 1.0 - 1e-16))
    elif problem.objective is Objective.ENTROPY:
        known = whitened(sigma[None], c[None])[0].square().sum(dim=0)
        left = (v - known).clamp_min(0.0)
        gains = 0.5 * torch.log((v + problem.noise) / (left + problem.noise))
    else:
        gains = 0.5 * torch.log1p(v / problem.noise)
    return _as_given(gains, candidates)


def _factor(gram: Tensor, noise: float) -> Tensor:
    """The Cholesky factor of K + λ′ I `[..., n, n]`.

    Where rounding swallows λ′ and passages depend on each other there is none; then with what
    rounding is known to leave on the diagonal.
    """
    unit = torch.eye(gram.shape[-1], dtype=gram.dtype, device=gram.device)
    factor: Tensor
    factor, failed = torch.linalg.cholesky_ex(gram + noise * unit)
    if bool(failed.any()):
        largest = gram.diagonal(dim1=-2, dim2=-1).amax(dim=-1)[..., None, None]
        rounding = 4 * torch.finfo(gram.dtype).eps * gram.shape[-1] * largest
        factor = torch.linalg.cholesky(gram + (noise + rounding) * unit)
    return factor


def _covariances(problem: Problem) -> tuple[Tensor, Tensor, Tensor]:
    """Summed prior variance `[B]`, cross `[B, m, K]` and Gram `[B, K, K]`, in float64."""
    kernel = problem.kernel
    with torch.no_grad():
        x = kernel.features(gathered(problem).double())
        q = kernel.features(problem.targets.double())
        prior = kernel.prior(q).diagonal(dim1=1, dim2=2).sum(dim=1)
        cross, gram = kernel.cross(q, x), kernel(x, x)
        if problem.weights is not None:
            r = problem.weights.double()
            cross, gram = cross * r[:, None], gram * r[:, None] * r[..., None]
    return prior, cross, gram.expand(problem.batch, -1, -1)


def _as_given(values: Tensor, like: ArrayLike) -> Any:
    home = home_of(like)
    return values.cpu().numpy() if home is None else values.to(home)
