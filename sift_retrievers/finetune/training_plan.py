"""`TrainingPlan`: how many of the selected passages to train on, decided before training."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from sift_retrievers.arrays import host
from sift_retrievers.selection import Selection
from sift_retrievers.selection.stopping import alpha_length


@dataclass(frozen=True)
class TrainingPlan:
    """How much to train, and what the selection predicts."""

    passages: int
    """Number of passages to use, from the first on."""
    stopped: str
    """Why there are not more: "passages" (all are used), "alpha", "min_gain" or "empty"."""
    sigma: tuple[float, ...] = ()
    """σ_0 … σ_N of the selection."""
    predicted_gain: float | None = None
    """½ log(σ_0² / σ_n²) in nats, for the n passages that are used."""


def plan_training(
    count: int, selection: Selection[Any] | None, alpha: float | None, min_gain: float | None
) -> TrainingPlan:
    """Decide how many passages to use, and whether their predicted gain is worth training.

    Args:
        count: number of passages.
        selection: of one query, the one that chose the passages.
        alpha: stop at the first n with σ_n > 1 / (α n).
        min_gain: train nothing if the predicted gain is smaller, in nats.

    Raises:
        ValueError: if a rule is set but no selection is given, or if the selection's picks are not
            the passages.
    """
    if selection is None:
        if count == 0:
            return TrainingPlan(0, "empty")
        if alpha is not None or min_gain is not None:
            raise ValueError(
                "alpha and min_gain need the uncertainty after each passage: pass selection=, "
                "the result of select for these passages"
            )
        return TrainingPlan(count, "passages")
    variance = np.atleast_2d(host(selection.variance)).astype(np.float64)
    picks = int((np.atleast_2d(host(selection.indices))[0] >= 0).sum())
    if len(variance) != 1 or picks != count:
        raise ValueError(
            f"selection must be of one query and have {count} picks, one for each passage; got "
            f"{len(variance)} queries and {picks} picks"
        )
    used, stopped = count, "passages" if count else "empty"
    if alpha is not None and count:
        used = min(count, int(alpha_length(variance[:, : count + 1], 1, alpha)[0]))
        stopped = "alpha" if used < count else stopped
    remaining = variance[0, : used + 1]
    gain = 0.5 * math.log(float(remaining[0] / remaining[-1])) if count else 0.0
    if min_gain is not None and count and gain < min_gain:
        used, stopped = 0, "min_gain"
    sigma = tuple(np.sqrt(variance[0, : count + 1]).tolist())
    return TrainingPlan(used, stopped, sigma, gain)
