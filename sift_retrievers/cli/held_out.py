"""What a setting is worth on questions that it was not chosen by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from sift_retrievers.calibration import Configuration
from sift_retrievers.calibration.configuration import DEFAULT, NEAREST, default_configurations
from sift_retrievers.cli.asked import Task
from sift_retrievers.cli.methods import SIFT, coverage_at, picks_of
from sift_retrievers.cli.progress import progress
from sift_retrievers.metrics import Interval, mean_interval, paired_comparison

Float64 = npt.NDArray[np.float64]

FEWEST: Final = 20
"""Questions with gold passages; fewer tell nothing apart."""
RESAMPLES: Final = 2_000


@dataclass(frozen=True)
class Setting:
    """The setting that suits the questions, and its expected difference to similarity search."""

    configuration: Configuration
    questions: int
    similarity: float
    """Coverage of similarity search."""
    coverage: float
    """Coverage with the setting, on questions that it was not chosen by."""
    difference: Interval
    chosen: bool
    """Whether settings were tried: with fewer than 40 questions it is the default."""


def best_setting(tasks: Sequence[Task], cutoffs: Sequence[int]) -> Setting:
    """Choose a setting by the gold passages, and measure it on other questions.

    With at least 40 questions each half chooses among all settings as `calibrate` does: the best
    one, if it is better than the default with 95 % confidence. Its coverage is measured on the
    other half, so the difference is not flattered by the choice. The setting that is returned is
    chosen by all questions.

    Args:
        tasks: with gold passages, at least `FEWEST`.
        cutoffs: numbers of passages that coverage is averaged over.
    """
    n = len(tasks)
    enough = n >= 2 * FEWEST
    tried = [*dict.fromkeys([DEFAULT, NEAREST, *(default_configurations() if enough else ())])]
    values = {one: _coverages(tasks, one, cutoffs) for one in progress(tried, "settings")}
    # As the command's other parts have it: by the store's own metric.
    order = [*range(max(cutoffs))]
    nearest = np.array([coverage_at(t, order[: len(t.hits)], cutoffs).mean() for t in tasks])
    values[NEAREST] = nearest
    if not enough:
        reached, chosen = values[DEFAULT], DEFAULT
    else:
        halves = np.random.default_rng(0).permutation(n) % 2
        reached = np.empty(n)
        for half in (0, 1):
            by = _chosen(values, halves != half)
            reached[halves == half] = values[by][halves == half]
        chosen = _chosen(values, np.ones(n, dtype=np.bool_))
    return Setting(
        configuration=chosen,
        questions=n,
        similarity=float(nearest.mean()),
        coverage=float(reached.mean()),
        difference=mean_interval(reached - nearest),
        chosen=enough,
    )


def _chosen(values: dict[Configuration, Float64], among: npt.NDArray[np.bool_]) -> Configuration:
    best = max(values, key=lambda one: float(values[one][among].mean()))
    change = paired_comparison(
        values[best][among], values[DEFAULT][among], resamples=RESAMPLES
    ).difference
    return best if change.low > 0 else DEFAULT


def _coverages(
    tasks: Sequence[Task], configuration: Configuration, cutoffs: Sequence[int]
) -> Float64:
    rules = configuration.rules
    found = [
        coverage_at(task, picks_of(SIFT, task, max(cutoffs), rules), cutoffs).mean()
        for task in tasks
    ]
    return np.array(found)
