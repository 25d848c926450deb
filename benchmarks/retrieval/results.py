"""From sets and methods to the figures that are reported, in one frozen structure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.retrieval.candidates import Candidates
from benchmarks.retrieval.evaluate import Scores, Values, score
from benchmarks.retrieval.methods import Method, PickStore, Setting, label
from benchmarks.retrieval.tune import POOL, Key, Tuned, tune, tuning_half

POOLS = (100, 200)
WAYS = ("default", "one setting", "own setting")
"""As it comes; one setting chosen for all sets and variants; one chosen for each."""


@dataclass(frozen=True)
class Measured:
    """One method in one setting on one set: scores on the reported half of the queries."""

    setting: Setting
    scores: Scores


@dataclass(frozen=True)
class Results:
    """Everything measured. A method that is not run on a pool has no entry for it."""

    methods: tuple[Method, ...]
    keys: tuple[Key, ...]
    tuned: Mapping[str, Tuned]
    """By method."""
    measured: Mapping[tuple[int, Key, str, str], Measured]
    """(pool, set and variant, method, way) → scores."""
    queries: Mapping[Key, int]
    """In the reported half."""

    def coverage(self, pool: int, key: Key, method: str, way: str) -> Values | None:
        """`[Q]` mean coverage over the cutoffs; None where the method was not run."""
        found = self.measured.get((pool, key, method, way))
        return None if found is None else found.scores.mean_coverage

    def mean(self, pool: int, keys: Sequence[Key], method: str, way: str) -> float | None:
        """Mean coverage, every set and variant weighing the same."""
        each = [self.coverage(pool, key, method, way) for key in keys]
        values = [float(one.mean()) for one in each if one is not None]
        return float(np.mean(values)) if values and len(values) == len(keys) else None

    def best_peer(self, pool: int, keys: Sequence[Key], way: str) -> str:
        """The peer with the largest mean; nearest neighbour is none."""
        means = {
            m.name: self.mean(pool, keys, m.name, way)
            for m in self.methods
            if m.family not in ("ours", "nearest neighbour")
        }
        return max((name for name in means), key=lambda name: means[name] or -1.0)


def measure(methods: Sequence[Method], sets: Sequence[Candidates], store: PickStore) -> Results:
    """Tune every method on one half of the queries, score it on the other."""
    pools = {pool: [one.nearest(pool) for one in sets] for pool in POOLS}
    tuned = {method.name: tune(method, pools[POOL], store) for method in methods}
    measured: dict[tuple[int, Key, str, str], Measured] = {}
    queries: dict[Key, int] = {}
    for pool, several in pools.items():
        for candidates in several:
            key = (candidates.name, candidates.variant)
            reported = ~tuning_half(candidates.name, len(candidates.queries))
            queries[key] = int(reported.sum())
            half = candidates.some(reported)
            for method in methods:
                if method.largest_pool is not None and pool > method.largest_pool:
                    continue
                chosen = tuned[method.name]
                settings = dict(
                    zip(WAYS, (chosen.default, chosen.everywhere, chosen.own[key]), strict=True)
                )
                done: dict[str, Scores] = {}
                for way, setting in settings.items():
                    name = label(setting)
                    if name not in done:
                        picks = store.picks(method, setting, candidates)[reported]
                        done[name] = score(half, picks)
                    measured[pool, key, method.name, way] = Measured(setting, done[name])
    keys = tuple((one.name, one.variant) for one in sets)
    return Results(tuple(methods), keys, tuned, measured, queries)
