"""How the candidates' cosines spread, and whether words and vectors agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sift_retrievers.cli.asked import Task
from sift_retrievers.cli.methods import retrieval_of
from sift_retrievers.retrieval import SelectionRules
from sift_retrievers.retrieval.cosines import cosines


@dataclass(frozen=True)
class Spread:
    """Cosines of question and candidates, means over the questions."""

    candidates: float
    """How many candidates a question has."""
    first: float
    """Of the nearest."""
    kth: float
    """Of the k-th nearest."""
    last: float
    """Of the last candidate."""
    deviation: float
    """Standard deviation among the candidates of a question."""


@dataclass(frozen=True)
class Agreement:
    """Words and vectors, each ranking the candidates of a question alone; means."""

    overlap: float
    """Share of the first k by words that are among the first k by vectors, 0…1."""
    by_chance: float
    """What this share would be if words said nothing about vectors."""
    rank_correlation: float
    """Spearman's, −1…1."""
    questions: int
    """Those with words that occur among their candidates."""


def spread_of(tasks: Sequence[Task], k: int) -> Spread:
    """The spread over questions with at least one candidate each."""
    rows = []
    for task in tasks:
        found = np.sort(cosines(task.hits.vectors, task.asked.vector[None])[0])[::-1]
        rows.append([len(found), found[0], found[min(k, len(found)) - 1], found[-1], found.std()])
    return Spread(*np.mean(rows, axis=0).tolist())


def agreement_of(tasks: Sequence[Task], k: int) -> Agreement | None:
    """The agreement over the questions of which words occur; None if there are none."""
    rules = SelectionRules(relevance="words")
    rows = []
    for task in tasks:
        n = len(task.hits)
        if task.asked.text is None or n <= k:
            continue
        relevance = retrieval_of(task, 1, rules).candidates.relevance
        if relevance.words is None or not np.ptp(relevance.total) > 0:
            continue
        near = relevance.scores_by_witness["cosine"]
        first = np.argsort(-relevance.total, kind="stable")[:k]
        both = np.isin(first, np.argsort(-near, kind="stable")[:k])
        rows.append([both.mean(), k / n, _correlation(_ranks(near), _ranks(relevance.total))])
    if not rows:
        return None
    overlap, by_chance, correlation = np.mean(rows, axis=0).tolist()
    return Agreement(overlap, by_chance, correlation, len(rows))


def _ranks(values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Ranks of the values; equal ones share the mean of theirs."""
    _, at, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    means: npt.NDArray[np.float64] = (last - (counts - 1) / 2)[at]
    return means


def _correlation(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> float:
    a, b = a - a.mean(), b - b.mean()
    scale = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / scale if scale > 0 else 0.0
