"""Sums whose last bits do not depend on the number of threads."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

# BLAS libraries work on matrices below this size in one thread; above it the order of their sums,
# and so the last bits, may depend on the number of threads.
ONE_THREAD: Final = 2**17


def combined(rows: npt.NDArray[Any], factors: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Σ_s f_s ℓ_s for rows `[n, K]` and factors `[n]`: `[K]`."""
    if rows.size < ONE_THREAD:
        return np.asarray(factors @ rows)
    return np.asarray(np.einsum("s,sk->k", factors, rows))
