"""How many of the selected passages a request trains on, before it begins."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from sift_retrievers.arrays import host
from sift_retrievers.selection import Selection
from sift_retrievers.selection.stopping import alpha_length


@dataclass(frozen=True)
class Plan:
    """What the selection says about a request's training."""

    passages: int
    """The first so many are used."""
    stopped: str
    """Why not more: "passages", "alpha", "min_gain" or "empty"."""
    sigma: tuple[float, ...] = ()
    """σ_0 … σ_N."""
    predicted_gain: float | None = None
    """½ log(σ_0² / σ_N²) nats of the passages used."""


def plan_of(
    count: int, selection: Selection[Any] | None, alpha: float | None, min_gain: float | None
) -> Plan:
    """Decide by the α rule (a prefix) and by whether the predicted gain is worth training.

    Args:
        count: passages at hand, in selection order.
        selection: of one query, the one that gave the passages.
        alpha: stop at the first n with σ_n > 1 / (α n).
        min_gain: nats below which nothing is trained.

    Raises:
        ValueError: if a rule is set and there is no selection, or its picks are not the passages.
    """
    if selection is None:
        if count == 0:
            return Plan(0, "empty")
        if alpha is not None or min_gain is not None:
            raise ValueError(
                "alpha and min_gain look at the uncertainty: pass selection=..., what select "
                "returned for the passages"
            )
        return Plan(count, "passages")
    variance = np.atleast_2d(host(selection.variance)).astype(np.float64)
    made = int((np.atleast_2d(host(selection.indices))[0] >= 0).sum())
    if len(variance) != 1 or made != count:
        raise ValueError(
            f"selection must be of one query with {count} picks, one a passage; got "
            f"{len(variance)} queries and {made} picks"
        )
    used, stopped = count, "passages" if count else "empty"
    if alpha is not None and count:
        used = min(count, int(alpha_length(variance[:, : count + 1], 1, alpha)[0]))
        stopped = "alpha" if used < count else stopped
    left = variance[0, : used + 1]
    gain = 0.5 * math.log(float(left[0] / left[-1])) if count else 0.0
    if min_gain is not None and count and gain < min_gain:
        used, stopped = 0, "min_gain"
    sigma = tuple(np.sqrt(variance[0, : count + 1]).tolist())
    return Plan(used, stopped, sigma, gain)
