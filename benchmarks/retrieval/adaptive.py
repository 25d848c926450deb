"""A number of passages that fits the question: what rules of stopping find for what they take.

    SIFT_DATA=<folder> python benchmarks/retrieval/adaptive.py --model wordllama

The default picks at most 20 of 100 candidates and stops by `min_gain`, whose value is swept, or
after a fixed k; where the coverage is the same, the passages that `min_gain` does without are what
it saves. `min_novelty` passes over repetitions and goes on, so it is measured at a fixed k. All
figures are of the reported halves. Writes adaptive-<model>.md to benchmarks/retrieval/results/.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.common.embeddings import CACHE
from benchmarks.common.machine import machine
from benchmarks.common.models import Embedder
from benchmarks.retrieval.candidates import Candidates
from benchmarks.retrieval.evaluate import covered
from benchmarks.retrieval.methods import MOST
from benchmarks.retrieval.ours import query_candidates
from benchmarks.retrieval.sets import load_chosen, not_measured, parser, save_page
from benchmarks.retrieval.tune import tuning_half
from benchmarks.retrieval.warning import with_and_without
from sift_retrievers.retrieval import SelectionRules

FIXED = (3, 5, 10)
NOVELTIES = (0.25, 0.5, 0.75, 0.9)
SWEPT = np.concatenate([[0.0], np.geomspace(0.002, 2.0, 120)])  # nats
SHOWN = (0.02, 0.05, 0.1, 0.2)
MIXED = "plain, half of the questions without their evidence"

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Run:
    """The picks of Q questions by one rule; each `[Q, MOST]`."""

    gains: Array
    """Nats; 0 where there was no further pick."""
    coverage: Array
    """After each pick; of questions without evidence all 0."""


def picked(candidates: Candidates, rules: SelectionRules) -> Run:
    """At most `MOST` picks of every question."""
    gains = np.zeros((len(candidates.asked), MOST))
    positions = np.full(gains.shape, -1, dtype=np.int64)
    for n, one in enumerate(query_candidates(candidates)):
        picks = one.retrieval(MOST, rules).picks
        gains[n, : len(picks)] = [pick.information_gain for pick in picks]
        positions[n, : len(picks)] = [pick.position for pick in picks]
    return Run(gains, covered(candidates, candidates.rows_at(positions)))


def lengths(gains: Array, min_gain: float) -> npt.NDArray[np.int64]:
    """`[Q]` picks before the first that gains less; may be none."""
    enough = (gains >= min_gain) & (gains > 0)
    return np.asarray(np.logical_and.accumulate(enough, axis=1).sum(axis=1), dtype=np.int64)


@dataclass(frozen=True)
class Curve:
    """Coverage against passages; means over sets, each weighing the same."""

    passages: Array
    coverage: Array

    def needed(self, coverage: float) -> float:
        """Mean passages for this coverage, between the values swept; infinity if not reached."""
        order = np.lexsort((self.coverage, self.passages))
        found, taken = np.maximum.accumulate(self.coverage[order]), self.passages[order]
        if found[-1] < coverage - 1e-9:
            return float("inf")
        return float(np.interp(coverage, found, taken))


def after(run: Run, kept: npt.NDArray[np.int64]) -> Array:
    """`[Q]` coverage of the first picks."""
    at = np.take_along_axis(run.coverage, np.maximum(kept - 1, 0)[:, None], axis=1)[:, 0]
    return np.where(kept > 0, at, 0.0)


def fixed(runs: Sequence[Run]) -> Curve:
    """The curve of a fixed k."""
    sizes = np.arange(1.0, MOST + 1)
    return Curve(sizes, np.mean([run.coverage.mean(axis=0) for run in runs], axis=0))


def by_gain(runs: Sequence[Run], values: Sequence[float] | Array = SWEPT) -> Curve:
    """The curve of `min_gain`; a value serves all sets and questions."""
    kept = [[lengths(run.gains, value) for run in runs] for value in values]
    passages = [np.mean([each.mean() for each in row]) for row in kept]
    coverage = [
        np.mean([after(*each).mean() for each in zip(runs, row, strict=True)]) for row in kept
    ]
    return Curve(np.array(passages), np.array(coverage))


def of_gain(groups: dict[str, list[Run]]) -> list[str]:
    """What `min_gain` needs for the coverage of a fixed k, and what some values of it do."""
    head = [f"as good as k = {k}" for k in FIXED] + [f"min_gain {value:g}" for value in SHOWN]
    lines = [f"| sets | {' | '.join(head)} |", "|" + "---|" * (1 + len(head))]
    for group, runs in groups.items():
        base, curve, some = fixed(runs), by_gain(runs), by_gain(runs, SHOWN)
        cells = []
        for k in FIXED:
            needed = curve.needed(float(base.coverage[k - 1]))
            cells.append(f"{needed:.1f} ({needed / k - 1:+.0%})" if np.isfinite(needed) else "–")
        for passages, coverage in zip(some.passages, some.coverage, strict=True):
            level = base.needed(float(coverage))
            cells.append(f"{passages:.1f}: {coverage:.3f} (fixed k: {level:.1f})")
        lines.append(f"| {group} | {' | '.join(cells)} |")
    return lines


def of_novelty(groups: dict[str, list[Run]], novel: dict[str, dict[float, list[Run]]]) -> list[str]:
    """Coverage at a fixed k with and without `min_novelty`."""
    head = ["without", *(f"min_novelty {value:g}" for value in NOVELTIES)]
    lines = [f"| sets, coverage at k = {FIXED} | {' | '.join(head)} |"]
    lines.append("|" + "---|" * (1 + len(head)))
    for group, runs in groups.items():
        if group not in novel:
            continue
        each = [fixed(runs), *(fixed(novel[group][value]) for value in NOVELTIES)]
        cells = [" / ".join(f"{curve.coverage[k - 1]:.3f}" for k in FIXED) for curve in each]
        lines.append(f"| {group} | {' | '.join(cells)} |")
    return lines


def main(
    arguments: list[str] | None = None,
    *,
    embedder: Embedder | None = None,
    folder: Path = CACHE,
) -> int:
    chosen = parser("Rules for the number of passages.").parse_args(arguments)
    loaded = load_chosen(chosen, embedder, folder=folder)
    if loaded is None:
        return 2
    groups: dict[str, list[Run]] = {"all": []}
    novel: dict[str, dict[float, list[Run]]] = {}
    for one in tqdm(loaded.candidates, desc="sets"):
        reported = one.some(~tuning_half(one.name, len(one.asked)))
        few = reported.nearest(chosen.candidates)
        run = picked(few, SelectionRules())
        groups.setdefault(one.variant, []).append(run)
        groups["all"].append(run)
        for value in NOVELTIES:
            found = picked(few, SelectionRules(min_novelty=value))
            novel.setdefault(one.variant, {}).setdefault(value, []).append(found)
        if one.variant == "plain":
            size = min(chosen.candidates, one.rows.shape[1] // 2)
            there, gone = (picked(c, SelectionRules()) for c in with_and_without(reported, size))
            gains = np.concatenate([there.gains, gone.gains])
            both = Run(gains, np.concatenate([there.coverage, gone.coverage]))
            groups.setdefault(MIXED, []).append(both)
    groups = {name: groups[name] for name in sorted(groups, key=lambda name: name == "all")}
    lines = [
        f"# How many passages: rules against a fixed k, embeddings by {loaded.model}",
        "",
        f"`python benchmarks/retrieval/adaptive.py` on {machine()}.",
        "",
        f"Picks of the default, at most {MOST} of {chosen.candidates} candidates, reported halves.",
        not_measured(loaded.missing, chosen.sets),
        "",
        "## Stopping by `min_gain`",
        "",
        "Mean passages that it takes for the coverage of a fixed k, and how many that is more or",
        "fewer; then, for some values, the mean passages and their coverage, and the fixed k that",
        "finds as much.",
        "",
        *of_gain(groups),
        "",
        "## Passing over repetitions by `min_novelty`",
        "",
        *of_novelty(groups, novel),
        "",
    ]
    save_page(chosen.results / f"adaptive-{loaded.model}.md", lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
