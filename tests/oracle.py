"""Brute force in float64: the posterior variance by its definition, a linear system a subset."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]


def cosine_kernel(x: npt.ArrayLike, y: npt.ArrayLike) -> Float:
    a, b = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    lengths_a = np.linalg.norm(a, axis=1, keepdims=True)
    lengths_b = np.linalg.norm(b, axis=1, keepdims=True)
    unit_a = np.divide(a, lengths_a, out=np.zeros_like(a), where=lengths_a > 0)
    unit_b = np.divide(b, lengths_b, out=np.zeros_like(b), where=lengths_b > 0)
    product: Float = unit_a @ unit_b.T
    return product


def posterior_variance(
    targets: npt.ArrayLike, candidates: npt.ArrayLike, observed: Sequence[int], noise: float
) -> float:
    """Σ_t k(x*_t, x*_t) − k_X(x*_t)ᵀ (K_X + λ′ I)⁻¹ k_X(x*_t); a repeated index counts again."""
    prior = float(np.trace(cosine_kernel(targets, targets)))
    if len(observed) == 0:
        return prior
    x = np.asarray(candidates, dtype=np.float64)[list(observed)]
    gram = cosine_kernel(x, x) + noise * np.eye(len(x))
    cross = cosine_kernel(x, targets)
    return prior - float(np.sum(cross * np.linalg.solve(gram, cross)))


def variance_after_each(
    targets: npt.ArrayLike,
    candidates: npt.ArrayLike,
    observed: Sequence[int],
    noise: float,
    *,
    replacement: bool,
) -> Float:
    """`[K]` posterior variance after each possible next pick; inf where it may not be picked."""
    count = len(np.asarray(candidates))
    return np.array(
        [
            np.inf
            if i in observed and not replacement
            else posterior_variance(targets, candidates, [*observed, i], noise)
            for i in range(count)
        ]
    )


def worst_errors(
    targets: npt.ArrayLike,
    candidates: npt.ArrayLike,
    indices: Sequence[int],
    variance: Sequence[float],
    noise: float,
    *,
    replacement: bool = False,
) -> tuple[float, float]:
    """Largest regret of a pick given its prefix, and largest error of the variance, over σ²_0."""
    prior = posterior_variance(targets, candidates, [], noise)
    regret, error = 0.0, abs(variance[0] - prior)
    for n, pick in enumerate(indices):
        after = variance_after_each(
            targets, candidates, indices[:n], noise, replacement=replacement
        )
        regret = max(regret, float(after[pick] - after.min()))
        error = max(error, abs(float(variance[n + 1]) - float(after[pick])))
    return regret / prior, error / prior
