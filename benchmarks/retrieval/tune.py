"""Settings chosen on one half of the questions; what is reported is measured on the other."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from benchmarks.retrieval.candidates import Candidates
from benchmarks.retrieval.data import SEED
from benchmarks.retrieval.evaluate import mean_coverage
from benchmarks.retrieval.methods import Method, PickStore, Setting, label


def tuning_half(name: str, count: int) -> npt.NDArray[np.bool_]:
    """`[Q]` which questions of a set settings are chosen on: the same in all of its variants."""
    chosen = random.Random(f"{SEED}:{name}").sample(range(count), count // 2)
    half = np.zeros(count, dtype=np.bool_)
    half[chosen] = True
    return half


def tune(method: Method, sets: Sequence[Candidates], store: PickStore) -> Setting:
    """The one setting for all sets and variants: the largest mean coverage on the tuning halves.

    Equal ones: the first, which is the default where it is among them. All sets weigh the same,
    whatever their numbers of questions.
    """
    settings = method.settings()
    if len(settings) == 1:
        return settings[0]
    means: dict[str, list[float]] = {label(setting): [] for setting in settings}
    for candidates in sets:
        half = tuning_half(candidates.name, len(candidates.asked))
        few = candidates.some(half)
        for setting in settings:
            picks = store.picks(method, setting, candidates)[half]
            means[label(setting)].append(float(mean_coverage(few, picks).mean()))
    overall = {name: float(np.mean(values)) for name, values in means.items()}
    return {label(setting): setting for setting in settings}[best(overall)]


def best(means: Mapping[str, float]) -> str:
    """The name with the largest mean; of equal ones the first."""
    return max(means, key=lambda name: round(means[name], 12))
