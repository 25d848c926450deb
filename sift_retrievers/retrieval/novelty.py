"""How much of what each pick says was new when it was picked."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]

# A noise within these multiples of the largest prior variance is not lost to rounding.
LEAST: Final = 1e-9
MOST: Final = 1e3


def shares_left(gram: Float64, noise: float) -> Float64:
    """`[N]` the share of its prior variance that each pick had left when it was picked, 0…1.

    0 for a pick without prior variance.

    Args:
        gram: `[N, N]` covariances of the picks, in the order in which they were picked.
        noise: λ′.
    """
    prior = gram.diagonal()
    largest = float(prior.max(initial=0.0))
    if LEAST * largest <= noise <= MOST * largest:
        try:
            # The n-th pivot is the variance of the n-th observation, given those before it.
            factor = np.linalg.cholesky(gram + noise * np.eye(len(gram)))
            return _shares(np.square(factor.diagonal(), dtype=np.float64) - noise, prior)
        except np.linalg.LinAlgError:  # a remaining variance is below the rounding error
            pass
    return _shares(variances_left(gram, noise), prior)


def variances_left(gram: Float64, noise: float) -> Float64:
    """The variances themselves, by Cholesky's recursion; rounding never makes one negative."""
    left, rows = gram.diagonal().copy(), np.zeros_like(gram)
    for n in range(len(gram)):
        known = gram[n] - rows[:n, n] @ rows[:n]
        most = np.sqrt(left[n]) * np.sqrt(left)  # by Cauchy and Schwarz, whatever rounding does
        rows[n] = row = known.clip(-most, most) / np.sqrt(left[n] + noise)
        left[n + 1 :] = (left[n + 1 :] - row[n + 1 :] ** 2).clip(min=0.0)
    return left


def _shares(left: Float64, prior: Float64) -> Float64:
    share = np.divide(left, prior, out=np.zeros_like(left), where=prior > 0)
    return share.clip(0.0, 1.0)
