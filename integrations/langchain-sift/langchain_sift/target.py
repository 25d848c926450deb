"""`Target`: one of the things that a query asks for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Target:
    """A query, or one of the several that stand for it."""

    vector: npt.NDArray[np.float32]
    """`[d]`."""
    text: str | None = None
    """What was embedded; None where the caller gave the vector."""
