"""Inner products and unit vectors, for numpy arrays and torch tensors."""

from __future__ import annotations

import numpy as np

from sift_retrievers.arrays import Array, namespace


def unit_vectors(vectors: Array) -> Array:
    """Vectors `[..., d]` brought to unit length; zero vectors stay zero."""
    xp = namespace(vectors)
    with np.errstate(over="ignore"):
        norm = xp.linalg.vector_norm(vectors, axis=-1, keepdims=True)
    # Squares of very small or very large entries leave float32's range; scale those first.
    if bool(((norm < 1e-15) | (norm > 1e18)).any()):
        largest = xp.max(xp.abs(vectors), axis=-1, keepdims=True)
        vectors = vectors / xp.where(largest > 0, largest, xp.ones_like(largest))
        norm = xp.linalg.vector_norm(vectors, axis=-1, keepdims=True)
        norm = xp.where(norm > 0, norm, xp.ones_like(norm))
    return vectors / norm


def inner_products(x: Array, y: Array) -> Array:
    """⟨x_i, y_j⟩: `[B, n, d]` and `[B, m, d]` → `[B, n, m]`; a batch of 1 is shared, not copied."""
    if y.shape[0] == 1 and x.shape[0] > 1:
        batch, n, dim = x.shape
        return (x.reshape(batch * n, dim) @ y[0].mT).reshape(batch, n, y.shape[1])
    return x @ y.mT
