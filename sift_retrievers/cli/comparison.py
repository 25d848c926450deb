"""`compared`: how similarity search, MMR and the retriever do on a user's questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sift_retrievers.cli.asked import Task
from sift_retrievers.cli.corpus import Corpus
from sift_retrievers.cli.methods import MMR, SIFT, SIMILARITY, coverage_at, picks_of
from sift_retrievers.cli.problem import CommandError
from sift_retrievers.cli.progress import progress
from sift_retrievers.cli.repetition import Repetition
from sift_retrievers.metrics import Interval, mean_interval, paired_comparison
from sift_retrievers.retrieval import SelectionRules

Values = Mapping[str, npt.NDArray[np.float64]]


@dataclass(frozen=True)
class Scores:
    """What one method reached."""

    coverage: Interval | None
    """Share of the gold evidence, mean over the cutoffs; None without gold passages."""
    coverage_at: Mapping[int, float]
    """And at each cutoff."""
    repeated: Interval
    """Share of the first k passages that repeat an earlier one."""


@dataclass(frozen=True)
class CompareResult:
    """The scores of all methods, and the differences of SIFT to the others."""

    questions: int
    with_gold: int
    gold_found: tuple[int, int]
    """Gold passages among the candidates, and all of them."""
    k: int
    cutoffs: tuple[int, ...]
    scores: Mapping[str, Scores]
    coverage_differences: Mapping[str, Interval]
    """SIFT's coverage minus that of each other method; empty without gold passages."""
    repeated_differences: Mapping[str, Interval]

    @property
    def worse(self) -> bool:
        """Whether SIFT finds less evidence than similarity search, with 95 % confidence.

        Without gold passages: whether it repeats more.
        """
        if self.coverage_differences:
            return self.coverage_differences[SIMILARITY].high < 0
        return self.repeated_differences[SIMILARITY].low > 0

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "questions": self.questions,
            "questions_with_gold": self.with_gold,
            "gold_among_candidates": self.gold_found[0],
            "gold": self.gold_found[1],
            "k": self.k,
            "cutoffs": [*self.cutoffs],
            "methods": {
                name: {
                    "coverage": interval_dict(one.coverage),
                    "coverage_at": {str(size): value for size, value in one.coverage_at.items()},
                    "repeated": interval_dict(one.repeated),
                }
                for name, one in self.scores.items()
            },
            "sift_minus": {
                name: {
                    "coverage": interval_dict(self.coverage_differences.get(name)),
                    "repeated": interval_dict(change),
                }
                for name, change in self.repeated_differences.items()
            },
        }


def interval_dict(interval: Interval | None) -> dict[str, float] | None:
    """An interval as JSON has it."""
    if interval is None:
        return None
    return {"mean": interval.mean, "low": interval.low, "high": interval.high}


def cutoffs_of(k: int) -> tuple[int, ...]:
    """Numbers of passages that coverage is averaged over: k, and 3 and 5 where they are less."""
    return tuple(sorted({size for size in (3, 5) if size < k} | {k}))


def compared(
    corpus: Corpus,
    tasks: Sequence[Task],
    k: int,
    rules: SelectionRules,
    lambda_mult: float,
) -> CompareResult:
    """Compare the three methods.

    Args:
        corpus: of the tasks.
        tasks: at least two.
        k: passages of each question.
        rules: of the retriever.
        lambda_mult: of MMR.

    Raises:
        CommandError: for fewer than two questions, of which no interval can be computed.
    """
    judged = [i for i, task in enumerate(tasks) if task.gold is not None]
    if len(tasks) < 2 or len(judged) == 1:
        raise CommandError(
            f"got {len(tasks)} questions, {len(judged)} of them with gold passages; expected at "
            "least two, for the intervals"
        )
    cutoffs = cutoffs_of(k)
    repetition = Repetition(corpus)
    methods = (SIMILARITY, MMR, SIFT)
    repeated: dict[str, list[float]] = {name: [] for name in methods}
    coverage: dict[str, list[npt.NDArray[np.float64]]] = {name: [] for name in methods}
    for task in progress(tasks, "questions"):
        for name in methods:
            picks = picks_of(name, task, k, rules, lambda_mult)
            repeated[name].append(repetition.repeated(task.positions[picks].tolist()))
            if task.gold is not None:
                coverage[name].append(coverage_at(task, picks, cutoffs))
    others = [name for name in methods if name != SIFT]
    means = {name: np.array(found).mean(axis=1) for name, found in coverage.items() if found}
    return CompareResult(
        questions=len(tasks),
        with_gold=len(judged),
        gold_found=(
            sum(task.gold.found for task in tasks if task.gold is not None),
            sum(task.gold.total for task in tasks if task.gold is not None),
        ),
        k=k,
        cutoffs=cutoffs,
        scores={
            name: Scores(
                mean_interval(means[name]) if means else None,
                dict(zip(cutoffs, np.mean(coverage[name], axis=0).tolist(), strict=True))
                if means
                else {},
                mean_interval(repeated[name]),
            )
            for name in methods
        },
        coverage_differences={
            name: paired_comparison(means[SIFT], means[name]).difference
            for name in (others if means else [])
        },
        repeated_differences={
            name: paired_comparison(repeated[SIFT], repeated[name]).difference for name in others
        },
    )
