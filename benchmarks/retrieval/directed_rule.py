"""The rule whose picks and σ the commands about stopping and warning look at.

The retrievers' default maximises what passages say, weighted by relevance; this one, nearly as good
at finding evidence on most sets, what is known of the answer: its gains and its σ speak of that.
"""

from __future__ import annotations

from typing import Final

from sift_retrievers.kernels import Kernel, SharedNoise

KERNEL: Final[Kernel] = SharedNoise(error=8.0, sharpness=11.0)
LAMBDA: Final = 20.0
