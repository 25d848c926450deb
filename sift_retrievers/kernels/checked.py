"""`CheckedKernel`: a kernel of the caller's own, and checks of what it returns."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from sift_retrievers.arrays import Array, as_precise, is_tensor, namespace
from sift_retrievers.kernels.kernel import Kernel

SAMPLE: Final = 32
"""Number of passages whose covariances are checked before a selection."""
ASYMMETRY: Final = 2e-3
"""Largest difference of k(x, y) and k(y, x) that is attributed to rounding, in units of the largest
covariance. Kernels that take the root of a difference lose half the digits of float32."""
INDEFINITE: Final = 5e-2
"""In the same units, how negative a variance or an eigenvalue may be."""


class CheckedKernel(Kernel):
    """The same kernel, with checks of what its methods return.

    Each method raises a TypeError if the kernel returns anything but an array of real numbers, of
    the kind that it was given (numpy or torch), and a ValueError for a wrong shape, for NaN or
    infinite values, and for negative variances. The message names the kernel and the method.
    """

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.positive_only = bool(kernel.positive_only)

    def __repr__(self) -> str:
        return repr(self.kernel)

    def features(self, vectors: Array) -> Array:
        found = self.kernel.features(vectors)
        self._check_kind(found, vectors, "features(vectors)")
        if found.ndim != 3 or tuple(found.shape[:2]) != tuple(vectors.shape[:2]):
            batch, count = vectors.shape[:2]
            raise ValueError(
                f"the kernel {self!r} must return [{batch}, {count}, d'] for features(vectors); "
                f"got {tuple(found.shape)}"
            )
        return self._finite(found, vectors, "features(vectors)")

    def __call__(self, x: Array, y: Array) -> Array:
        return self._checked(self.kernel(x, y), x, (x, y), "k(x, y)")

    def cross(self, targets: Array, passages: Array) -> Array:
        if type(self.kernel).cross is Kernel.cross:
            return self(targets, passages)
        found = self.kernel.cross(targets, passages)
        return self._checked(found, targets, (targets, passages), "cross(targets, passages)")

    def prior(self, targets: Array) -> Array:
        if type(self.kernel).prior is Kernel.prior:
            return self(targets, targets)
        found = self.kernel.prior(targets)
        return self._checked(found, targets, (targets, targets), "prior(targets)")

    def diagonal(self, x: Array) -> Array:
        if type(self.kernel).diagonal is Kernel.diagonal:
            found = super().diagonal(x)
        else:
            found = self.kernel.diagonal(x)
            found = self._shaped(found, x, tuple(x.shape[:2]), "diagonal(x)")
        lowest, highest = (0.0, 0.0) if 0 in found.shape else (found.min(), found.max())
        if not lowest >= -INDEFINITE * abs(highest):
            raise ValueError(
                f"the kernel {self!r} must return variances k(x, x) of at least 0; the smallest "
                f"is {float(lowest):.3g}"
            )
        return namespace(found).clip(found, 0, None)

    def check(self, targets: Array, passages: Array) -> None:
        """Check the covariances of the first query's targets and of some passages, in float64.

        Args:
            targets: `[B, m, d]`.
            passages: `[B or 1, K, d]`, as given.

        Raises:
            ValueError: if they are not symmetric, not positive semidefinite, or if `diagonal`
                contradicts them.
        """
        count = passages.shape[1]
        q = self.features(as_precise(targets[:1]))
        prior = self.prior(q)
        lowest = float(prior[0].diagonal().min())
        if not lowest > 0:
            raise ValueError(
                f"the kernel {self!r} must give queries a positive variance k(x*, x*); got "
                f"{lowest:.3g}"
            )
        if count == 0:
            return
        some = np.unique(np.linspace(0, count - 1, min(count, SAMPLE)).astype(np.intp)).tolist()
        x = self.features(as_precise(passages[:1, some]))
        among, cross = self(x, x), self.cross(q, x)
        xp = namespace(among)
        left = xp.concat([prior, xp.permute_dims(cross, (0, 2, 1))], axis=1)
        joint = xp.concat([left, xp.concat([cross, among], axis=1)], axis=2)[0]
        largest = float(xp.abs(joint).max())
        worst = float(xp.abs(joint - joint.mT).max())
        if worst > ASYMMETRY * largest:
            raise ValueError(
                f"the kernel {self!r} must be symmetric; k(x, y) and k(y, x) differ by {worst:.3g}"
            )
        each = range(among.shape[1])
        worst = float(xp.abs(self.diagonal(x)[0] - among[0][each, each]).max())
        if worst > INDEFINITE * largest:
            raise ValueError(
                f"the kernel {self!r} contradicts itself: diagonal(x) and k(x, x) differ by "
                f"{worst:.3g}"
            )
        lowest = float(xp.linalg.eigvalsh(joint * 0.5 + joint.mT * 0.5).min())
        if not lowest >= -INDEFINITE * largest:
            raise ValueError(
                f"the kernel {self!r} must be positive semidefinite; the covariances of "
                f"{joint.shape[0]} targets and passages have the eigenvalue {lowest:.3g}"
            )

    def _checked(self, found: Any, like: Array, pair: tuple[Array, Array], what: str) -> Array:
        x, y = pair
        batch = max(x.shape[0], y.shape[0])
        return self._shaped(found, like, (batch, x.shape[1], y.shape[1]), what)

    def _shaped(self, found: Any, like: Array, shape: tuple[int, ...], what: str) -> Array:
        self._check_kind(found, like, what)
        if tuple(found.shape) != shape:
            raise ValueError(
                f"the kernel {self!r} must return {list(shape)} for {what}; got {list(found.shape)}"
            )
        return self._finite(found, like, what)

    def _check_kind(self, found: Any, like: Array, what: str) -> None:
        kind = "a torch tensor" if is_tensor(like) else "a numpy array"
        if is_tensor(found) != is_tensor(like) or not (
            is_tensor(found) or isinstance(found, np.ndarray)
        ):
            raise TypeError(
                f"the kernel {self!r} must return {kind} for {what}; got {type(found).__name__}"
            )
        real = not found.is_complex() if is_tensor(found) else found.dtype.kind in "fiub"
        if not real:
            raise TypeError(
                f"the kernel {self!r} must return real numbers for {what}; got dtype {found.dtype}"
            )

    def _finite(self, found: Array, like: Array, what: str) -> Array:
        """The array in a floating-point type."""
        xp = namespace(found)
        if not xp.isdtype(found.dtype, "real floating"):
            found = found.to(like.dtype) if is_tensor(found) else found.astype(like.dtype)
        if not bool(xp.isfinite(found).all()):
            number = int((~xp.isfinite(found)).sum())
            raise ValueError(
                f"the kernel {self!r} returned {number} values that are NaN or infinite for "
                f"{what}, of {tuple(found.shape)}"
            )
        return found
