"""Settings chosen on one half of the queries; what is reported is measured on the other."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.retrieval.candidates import Candidates
from benchmarks.retrieval.data import SEED
from benchmarks.retrieval.evaluate import mean_coverage
from benchmarks.retrieval.methods import Method, PickStore, Setting, label

POOL = 100  # candidates that settings are chosen on
Key = tuple[str, str]
"""A set and its variant."""


@dataclass(frozen=True)
class Tuned:
    """A method's settings, and where they come from."""

    default: Setting
    everywhere: Setting
    """One for all sets in all variants: the largest mean over them."""
    own: Mapping[Key, Setting]
    """The best for each set and variant."""


def tuning_half(name: str, count: int) -> npt.NDArray[np.bool_]:
    """`[Q]` which queries of a set settings are chosen on: the same in all of its variants."""
    chosen = random.Random(f"{SEED}:{name}").sample(range(count), count // 2)
    half = np.zeros(count, dtype=np.bool_)
    half[chosen] = True
    return half


def tune(method: Method, sets: Sequence[Candidates], store: PickStore) -> Tuned:
    """Choose a method's settings by mean coverage on the tuning halves.

    Equal ones: the first, which is the default where it is among them. All sets weigh the same,
    whatever their numbers of queries.
    """
    settings = {label(setting): setting for setting in method.settings()}
    means: dict[Key, dict[str, float]] = {}
    for candidates in sets:
        half = tuning_half(candidates.name, len(candidates.queries))
        means[candidates.name, candidates.variant] = {
            name: float(
                mean_coverage(candidates, store.picks(method, setting, candidates))[half].mean()
            )
            for name, setting in settings.items()
        }
    overall = {name: float(np.mean([mean[name] for mean in means.values()])) for name in settings}
    return Tuned(
        default=method.default,
        everywhere=settings[best(overall)],
        own={key: settings[best(mean)] for key, mean in means.items()},
    )


def best(means: Mapping[str, float]) -> str:
    """The name with the largest mean; of equal ones the first."""
    return max(means, key=lambda name: round(means[name], 12))
