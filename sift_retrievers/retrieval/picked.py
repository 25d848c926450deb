"""`Picked`: the picks among the hits of a query, as columns of numbers.

The numbers of a pick can be compared between questions. With the objective "undirected" they are
in terms of the chance p that the evidence is there at all (`sift_retrievers.witnesses.evidence`):
the score s of a pick is p times its relevance relative to the best candidate times its novelty, its
gain is ½ log(1 + s / λ′), and the uncertainty that the picks leave is the product of 1 − s. With
the other objectives the gain is that of `select`, about the answer, and the score is the share by
which a pick lowers σ².
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sift_retrievers.selection.result import Selection
from sift_retrievers.stop_reason import StopReason

Float64 = npt.NDArray[np.float64]


class Picked(NamedTuple):
    """The picks among n hits as columns."""

    positions: npt.NDArray[np.int64]
    """`[N]` among the hits, in selection order."""
    gains: Float64
    """`[N]` nats."""
    novelty: Float64
    """`[N]` 0…1."""
    scores: Float64
    """`[N]` 0…1, strictly falling."""
    uncertainty: Float64 | None
    """`[N + 1]`; None if nothing could be picked."""
    stop_reason: StopReason
    selection: Selection[npt.NDArray[Any]] | None = None
