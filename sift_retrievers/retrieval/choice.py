"""`Choice`: what was chosen from a store's hits, and what each pick was worth.

The numbers of a pick can be compared between questions. With the objective "undirected" they are
in terms of the chance p that the evidence is there at all (`sift_retrievers.witnesses.evidence`):
the score s of a pick is p times its relevance relative to the best candidate times its novelty, its
gain ½ log(1 + s / λ′), and what the picks leave open is the product of 1 − s. With the other
objectives the gain is that of `select`, about the answer, and the score the share of σ² that a pick
takes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sift_retrievers.selection import Selection
from sift_retrievers.stop_reason import StopReason

Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Choice:
    """What was chosen from n hits, and what each pick was worth."""

    picks: npt.NDArray[np.int64]
    """`[N]` positions among the hits, in selection order."""
    gains: Float64
    """`[N]` nats."""
    novelty: Float64
    """`[N]` 0…1: the share of what the pick says that the picks before it did not."""
    scores: Float64
    """`[N]` 0…1, strictly falling."""
    uncertainty: Float64 | None
    """`[N + 1]` before the first pick and after every one, 1 before the first; with the objectives
    about the answer σ², summed over the targets. None if there were no candidates."""
    similarities: Float64
    """`[n]` cosine of every hit to the query; of several targets, to the nearest."""
    candidates: npt.NDArray[np.bool_]
    """`[n]` which hits could be picked: those that reached the threshold and are not gone."""
    stop_reason: StopReason
    selection: Selection[npt.NDArray[Any]] | None = None
    """What `select` returned, where it made the choice: for one query, `[k]`, of several targets,
    too."""
