"""From sets and methods to the figures that are reported, in one frozen structure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.retrieval.candidates import Candidates
from benchmarks.retrieval.evaluate import Scores, Values, score
from benchmarks.retrieval.methods import PEER, Method, PickStore, Setting, label
from benchmarks.retrieval.tune import tune, tuning_half

WAYS = ("default", "tuned")
"""As it comes; one setting chosen for all sets and variants."""
Key = tuple[str, str]
"""A set and its variant."""


@dataclass(frozen=True)
class Results:
    """Everything measured, on the reported half of the questions."""

    methods: tuple[Method, ...]
    keys: tuple[Key, ...]
    ways: tuple[str, ...]
    """Of `WAYS`, those that were measured."""
    settings: Mapping[tuple[str, str], Setting]
    """(method, way) → its setting."""
    scores: Mapping[tuple[Key, str, str], Scores]
    """(set and variant, method, way) → scores."""
    questions: Mapping[Key, int]
    """In the reported half."""
    passages: Mapping[Key, int]
    """In the corpus."""

    @property
    def variants(self) -> dict[str, list[Key]]:
        """Variant → its sets."""
        found: dict[str, list[Key]] = {}
        for key in self.keys:
            found.setdefault(key[1], []).append(key)
        return found

    def coverage(self, key: Key, method: str, way: str) -> Values:
        """`[Q]` mean coverage over the cutoffs."""
        return self.scores[key, method, way].mean_coverage

    def mean(self, keys: Sequence[Key], method: str, way: str) -> float:
        """Mean coverage, every set and variant weighing the same."""
        return float(np.mean([self.coverage(key, method, way).mean() for key in keys]))

    def best_peer(self, keys: Sequence[Key], way: str) -> str | None:
        """The peer with the largest mean over these; nearest neighbours are none."""
        peers = [method.name for method in self.methods if method.family == PEER]
        return max(peers, key=lambda name: self.mean(keys, name, way), default=None)


def measure(
    methods: Sequence[Method],
    sets: Sequence[Candidates],
    store: PickStore,
    ways: Sequence[str] = WAYS,
) -> Results:
    """Score every method on the reported half of the questions, tuned on the other."""
    settings: dict[tuple[str, str], Setting] = {}
    for method in methods:
        settings[method.name, "default"] = method.default
        if "tuned" in ways:
            settings[method.name, "tuned"] = tune(method, sets, store)
    scores: dict[tuple[Key, str, str], Scores] = {}
    questions: dict[Key, int] = {}
    for candidates in sets:
        key = (candidates.name, candidates.variant)
        reported = ~tuning_half(candidates.name, len(candidates.asked))
        questions[key] = int(reported.sum())
        half = candidates.some(reported)
        for method in methods:
            done: dict[str, Scores] = {}
            for way in ways:
                setting = settings[method.name, way]
                name = label(setting)
                if name not in done:
                    picks = store.picks(method, setting, candidates)[reported]
                    done[name] = score(half, picks)
                scores[key, method.name, way] = done[name]
    return Results(
        methods=tuple(methods),
        keys=tuple((one.name, one.variant) for one in sets),
        ways=tuple(ways),
        settings=settings,
        scores=scores,
        questions=questions,
        passages={(one.name, one.variant): len(one.store.passages) for one in sets},
    )
