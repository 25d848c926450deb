"""The uncertainty about a query given any passages, and what one more would gain."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sift_retrievers.arrays import ArrayLike, as_given, as_precise, home_of, host, namespace
from sift_retrievers.kernels.names import KernelLike
from sift_retrievers.kernels.products import inner_products, unit_vectors
from sift_retrievers.selection.arguments import build_problem
from sift_retrievers.selection.problem import Objective, Problem
from sift_retrievers.selection.result import is_one
from sift_retrievers.selection.solvers.reference import gathered, whitening
from sift_retrievers.selection.weights import passage_weights

Float64 = npt.NDArray[np.float64]


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
    float64 (arXiv 2410.08020, section 3). The passages may have been chosen in any way, by
    similarity search say.

    Args:
        queries: `[d]`, `[B, d]` or `[B, m, d]`.
        passages: `[n, d]` for all queries or `[B, n, d]`; one that is listed twice counts twice.
        kernel: as for `select`.
        lambda_: as for `select`.
        relevance: as for `select`.

    Returns:
        `[B]` float64, of the kind of `passages`; one number for one query `[d]`.

    Raises:
        ValueError: as `select` does.
    """
    problem = build_problem(
        queries, passages, 1, kernel=kernel, lambda_=lambda_, relevance=relevance
    )
    prior, cross, gram = _covariances(problem)
    factor = _factor(problem, gram)
    explained = np.linalg.solve(factor, cross.mT)
    left = prior - np.square(explained).sum(axis=(1, 2))
    return _as_given(_finite(problem, left), queries, passages)


def gains_after(
    queries: ArrayLike,
    candidates: ArrayLike,
    observed: ArrayLike,
    *,
    kernel: KernelLike = "cosine",
    lambda_: float = 1.0,
    objective: str = "variance",
    relevance: ArrayLike | None = None,
) -> Any:
    """What each candidate of one query would gain if it were picked right after those observed.

    `select` picks the candidate with the largest of these gains. Compare them to see why one was
    picked and another was not. By Cholesky factorisation in float64.

    Args:
        queries: `[d]`, or `[1, m, d]` for m targets.
        candidates: `[K, d]`. K × K numbers are held at a time.
        observed: positions of the picks made before, as `Selection.indices` has them (−1 is
            ignored); empty for what each would gain as the first pick.
        kernel: as for `select`.
        lambda_: as for `select`.
        objective: as for `select`.
        relevance: as for `select`.

    Returns:
        `[K]` float64 nats, of the kind of `candidates`. For a candidate among those observed: what
        observing it once more would gain.

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
    seen = _positions(observed, problem.pool_size)
    q = problem.kernel.features(as_precise(problem.targets))
    sigma = host(problem.kernel.prior(q))[0]
    _, crosses, grams = _covariances(problem)
    c, v = crosses[0], grams[0].diagonal().copy()
    if len(seen) > 0:
        rows = grams[0][seen]  # [n, K]
        factor = _factor(problem, rows[:, seen])
        rows = np.linalg.solve(factor, rows)
        to_targets = np.linalg.solve(factor, c[:, seen].T)
        sigma, c = sigma - to_targets.T @ to_targets, c - to_targets.T @ rows
        v = np.maximum(v - np.square(rows).sum(axis=0), 0.0)
    if problem.objective is Objective.VARIANCE:
        lowered = np.square(c).sum(axis=0) / (v + problem.noise) / sigma.trace()
        gains = -0.5 * np.log1p(-lowered.clip(0.0, 1.0 - 1e-16))
    elif problem.objective is Objective.ENTROPY:
        known = np.square(whitening(sigma[None])[0] @ c).sum(axis=0)
        left = np.maximum(v - known, 0.0)
        gains = 0.5 * np.log((v + problem.noise) / (left + problem.noise))
    else:
        gains = 0.5 * np.log1p(v / problem.noise)
    return as_given(_finite(problem, gains), home_of(candidates))


def _finite(problem: Problem, values: Float64) -> Float64:
    if not np.isfinite(values).all():
        raise ValueError(
            f"the kernel {problem.kernel!r} with lambda_={problem.noise:.3g} gave values that are "
            "NaN or infinite for these queries and candidates"
        )
    return values


def _positions(observed: ArrayLike, count: int) -> npt.NDArray[np.int64]:
    """Positions among the candidates, without the −1 that pads a selection.

    Raises:
        ValueError: if `observed` holds anything but positions and −1.
    """
    try:
        found = host(observed)
    except (TypeError, ValueError, RuntimeError):  # ragged lists; tensors without values
        found = np.empty((0, 0))
    whole = found.ndim == 1 and (found.dtype.kind in "iu" or found.size == 0)
    if not whole or (found.size and not -1 <= found.min() <= found.max() < count):
        raise ValueError(
            f"observed must be positions among the {count} candidates, in one row; got {observed!r}"
        )
    return found[found >= 0].astype(np.int64)


def _factor(problem: Problem, gram: Float64) -> Float64:
    """The Cholesky factor of K + λ′ I `[..., n, n]`.

    With linearly dependent passages and a λ′ below the rounding error the matrix may have no
    factor; then the rounding error is added to its diagonal.

    Raises:
        ValueError: if there is no factor even so: the kernel is not positive semidefinite.
    """
    noise = problem.noise
    unit = np.eye(gram.shape[-1])
    try:
        return np.asarray(np.linalg.cholesky(gram + noise * unit), dtype=np.float64)
    except np.linalg.LinAlgError:
        largest = gram.diagonal(axis1=-2, axis2=-1).max(axis=-1)[..., None, None]
        rounding = 4 * float(np.finfo(gram.dtype).eps) * gram.shape[-1] * largest
    try:
        factor = np.linalg.cholesky(gram + (noise + rounding) * unit)
    except np.linalg.LinAlgError as error:
        raise ValueError(
            f"the kernel {problem.kernel!r} must be positive semidefinite; the covariances of "
            f"{gram.shape[-1]} passages with lambda_={noise:.3g} on the diagonal are not"
        ) from error
    return np.asarray(factor, dtype=np.float64)


def _covariances(problem: Problem) -> tuple[Float64, Float64, Float64]:
    """Summed prior variance `[B]`, cross `[B, m, K]` and Gram `[B, K, K]`, in float64."""
    kernel, pool = problem.kernel, gathered(problem)
    vectors, targets = as_precise(pool), as_precise(problem.targets)
    x, q = kernel.features(vectors), kernel.features(targets)
    prior = host(kernel.prior(q)).trace(axis1=1, axis2=2)
    cross, gram = host(kernel.cross(q, x)), host(kernel(x, x))
    if problem.weighting is not None:
        xp = namespace(vectors)
        cosine = xp.max(inner_products(unit_vectors(targets), unit_vectors(vectors)), axis=1)
        zero = (pool == 0).all(-1)
        r = host(passage_weights(problem.weighting, problem.relevance, cosine, zero, None))
        cross, gram = cross * r[:, None], gram * r[:, None] * r[..., None]
    return prior, cross, np.broadcast_to(gram, (problem.batch, *gram.shape[1:]))


def _as_given(values: Float64, queries: ArrayLike, like: ArrayLike) -> Any:
    return as_given(values, home_of(like))[0 if is_one(queries) else slice(None)]
