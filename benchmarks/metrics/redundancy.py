"""How much a list of passages repeats itself, from their vectors alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

NEAR_DUPLICATE = 0.9
"""Cosine above which two passages count as near-duplicates, unless another is given."""


@dataclass(frozen=True)
class Redundancy:
    """Cosines between the passages of one list. All 0 for fewer than two passages."""

    mean_cosine: float
    """Over all pairs."""
    max_cosine: float
    """Of the most similar pair."""
    near_duplicates: float
    """Share of the passages that are near-duplicates of one before them: places wasted."""


def redundancy(vectors: npt.ArrayLike, threshold: float = NEAR_DUPLICATE) -> Redundancy:
    """Redundancy of a ranked list.

    Args:
        vectors: `[n, d]` embeddings in the order of the list; of any length but 0.
        threshold: cosine above which two passages count as near-duplicates, −1 to 1.

    Raises:
        ValueError: for another shape, a vector that is not finite or has no length, or a threshold
            that is no cosine.
    """
    rows = np.asarray(vectors, dtype=np.float64)
    if rows.ndim != 2:
        raise ValueError(f"vectors must be [n, d]; got {rows.shape}")
    if not -1 <= threshold <= 1:
        raise ValueError(f"threshold must be a cosine, −1 to 1; got {threshold!r}")
    lengths = np.linalg.norm(rows, axis=1)
    if not (np.isfinite(lengths).all() and (lengths > 0).all()):
        raise ValueError(f"vectors must be finite and longer than 0; got lengths {lengths}")
    if len(rows) < 2:
        return Redundancy(0.0, 0.0, 0.0)
    unit = rows / lengths[:, None]
    cosines = unit @ unit.T
    later, earlier = np.tril_indices(len(rows), -1)
    pairs = cosines[later, earlier]
    repeats = np.unique(later[pairs > threshold])
    return Redundancy(
        mean_cosine=float(pairs.mean()),
        max_cosine=float(pairs.max()),
        near_duplicates=len(repeats) / len(rows),
    )
