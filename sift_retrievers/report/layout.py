"""Places in two dimensions for the vectors of candidates and of the question."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]


def principal_places(vectors: Float64, targets: Float64) -> tuple[Float64, Float64, float]:
    """The two directions in which the candidates differ most (principal components).

    Args:
        vectors: `[n, d]` of the candidates, of unit length or zero.
        targets: `[m, d]` of the question, likewise.

    Returns:
        `[n, 2]` and `[m, 2]` places of candidates and targets, and the share of the candidates'
        variance that the two directions hold, 0…1.
    """
    count, dim = vectors.shape
    if count == 0:
        return np.zeros((0, 2)), np.zeros((len(targets), 2)), 0.0
    mean = vectors.mean(axis=0)
    centred = vectors - mean
    if count <= dim:
        values, basis = np.linalg.eigh(centred @ centred.T)
        directions = (basis[:, ::-1][:, :2].T @ centred).T
    else:
        values, basis = np.linalg.eigh(centred.T @ centred)
        directions = basis[:, ::-1][:, :2]
    length = np.linalg.norm(directions, axis=0)
    directions = np.divide(directions, length, out=np.zeros_like(directions), where=length > 1e-9)
    places, asked = np.zeros((count, 2)), np.zeros((len(targets), 2))
    for axis in range(directions.shape[1]):
        along = centred @ directions[:, axis]
        # A direction has no sign of its own: the farthest candidate lies on the positive side.
        sign = -1.0 if along[np.abs(along).argmax()] < 0 else 1.0
        places[:, axis] = sign * along
        asked[:, axis] = sign * ((targets - mean) @ directions[:, axis])
    total = float(values.clip(min=0).sum())
    share = float(values[-2:].clip(min=0).sum()) / total if total > 0 else 0.0
    return places, asked, share
