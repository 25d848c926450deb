"""The default rule of the retrievers: what the other commands pick by."""

from __future__ import annotations

from typing import Final

from sift_retrievers.calibration import DEFAULT

KERNEL: Final = DEFAULT.kernel
LAMBDA: Final = DEFAULT.lambda_
