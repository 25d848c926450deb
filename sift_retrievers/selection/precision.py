"""Chooses float32 or float64 for a problem, and refuses values that neither can hold."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from sift_retrievers.arrays import Array, as_precise, check_finite, namespace
from sift_retrievers.kernels.checked import CheckedKernel
from sift_retrievers.kernels.kernel import InnerProductKernel, Kernel
from sift_retrievers.selection.problem import Objective

# In float32 the error of σ² grows like 1e-8 / λ′ in units of the prior variance (on
# near-duplicates: 5e-5 at λ′ = 1e-4, 3e-4 at 2e-5). Below this ratio of λ′ to the largest prior
# variance the engine computes in float64; so it does where a value would leave float32's range.
FLOAT32_NOISE_FLOOR: Final = 1e-5
FLOAT32_NOISES: Final = (1e-30, 1e30)
FLOAT32_VARIANCES: Final = (1e-30, 1e15)  # products of two covariances are finite, sums of them too
FLOAT32_STEEPNESS: Final = 1e3  # times the rounding of a cosine: 1e-4 of a covariance
FLOAT64_NOISE_FLOOR: Final = 2.0**-48  # 16 ε
FLOAT64_VARIANCES: Final = (1e-280, 1e150)


def fits_float32(kernel: Kernel, noise: float, largest: float) -> bool:
    """Whether float32 resolves λ′, for passages of at most this prior variance."""
    lowest, highest = FLOAT32_NOISES
    return (
        max(FLOAT32_NOISE_FLOOR * largest, lowest) <= noise <= highest
        and kernel.steepness <= FLOAT32_STEEPNESS
    )


def type_and_noise(
    kernel: Kernel, noise: float, targets: Array, pool: Array, ids: Any, objective: Objective
) -> tuple[str, float]:
    """The floating-point type to compute in, and the λ′ to compute with.

    float32 where it is exact enough, see the constants above. A λ′ below the rounding error of
    float64 is raised to that error: otherwise rounding errors in the variance of a copy would count
    as information.

    Raises:
        ValueError: for values whose variances leave the range of float64.
    """
    double = targets.dtype.itemsize == 8 or pool.dtype.itemsize == 8
    lowest, highest = 1.0, 1.0
    if is_normalized(kernel):
        largest = kernel.largest_variance(pool)
    else:
        pool = pointed_to(pool, ids)
        check_finite(pool, "candidates" if ids is None else "candidates (rows in ids)")
        if double or isinstance(kernel, CheckedKernel):  # which refuses what float32 cannot hold
            pool, targets = as_precise(pool), as_precise(targets)
        largest = kernel.largest_variance(pool)
        lowest, highest = _of_targets(kernel, targets)
    smallest_allowed, largest_allowed = FLOAT32_VARIANCES
    if not (lowest >= smallest_allowed and max(largest, highest) <= largest_allowed):
        double, largest = True, kernel.largest_variance(as_precise(pool))
        if not is_normalized(kernel):
            lowest, highest = _of_targets(kernel, as_precise(targets))
    smallest_allowed, largest_allowed = FLOAT64_VARIANCES
    if not largest <= largest_allowed:
        raise ValueError(
            f"candidates are too large for the kernel {kernel!r}: the largest prior variance is "
            f"{largest:.3g}"
        )
    if not smallest_allowed <= lowest <= highest <= largest_allowed:
        wrong = lowest if lowest < smallest_allowed else highest
        size = "small" if lowest < smallest_allowed else "large"
        raise ValueError(
            f"queries are too {size} for the kernel {kernel!r}: the prior variance of one is "
            f"{wrong:.3g}, and must be from {smallest_allowed} to {largest_allowed}"
        )
    noise = max(noise, FLOAT64_NOISE_FLOOR * largest)
    if double or (objective is Objective.ENTROPY and targets.shape[1] > 1):
        return "float64", noise
    return "float32" if fits_float32(kernel, noise, largest) else "float64", noise


def is_normalized(kernel: Kernel) -> bool:
    """Whether a kernel brings vectors to unit length, so that their scale does not matter."""
    return isinstance(kernel, InnerProductKernel) and kernel.normalized


def pointed_to(pool: Array, ids: Any) -> Array:
    """The candidates that some query may pick, `[B or 1, K, d]`; all of them without ids."""
    if ids is None:
        return pool
    return pool[:, namespace(pool).asarray(np.unique(ids[ids >= 0]))]


def _of_targets(kernel: Kernel, targets: Array) -> tuple[float, float]:
    """The smallest and the largest prior variance of a target."""
    with np.errstate(over="ignore", invalid="ignore"):
        prior = kernel.prior(kernel.features(targets))
    each = range(prior.shape[1])
    variances = prior[:, each, each]
    return float(variances.min()), float(variances.max())
