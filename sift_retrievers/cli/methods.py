"""The methods that are compared: similarity search, MMR and the retriever's own selection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from sift_retrievers.cli.asked import Task
from sift_retrievers.metrics import coverage_curve
from sift_retrievers.retrieval import Retrieval, SelectionRules, retrieve
from sift_retrievers.retrieval.cosines import cosines

SIMILARITY: Final = "similarity search"
MMR: Final = "MMR"
SIFT: Final = "SIFT"
LAMBDA_MULT: Final = 0.5
"""LangChain's default."""


def retrieval_of(task: Task, k: int, rules: SelectionRules) -> Retrieval[int]:
    """The selection of a retriever."""
    return retrieve(task.asked.text or "", [task.asked.target], task.hits, k, rules)


def picks_of(
    method: str, task: Task, k: int, rules: SelectionRules, lambda_mult: float = LAMBDA_MULT
) -> list[int]:
    """What a method picks: positions among the candidates of the task, best first."""
    if method == SIMILARITY:
        return [*range(min(k, len(task.hits)))]
    if method == MMR:
        return mmr(task.asked.vector, task.hits.vectors, k, lambda_mult)
    return [pick.position for pick in retrieval_of(task, k, rules).picks]


def mmr(
    query: npt.NDArray[np.float32],
    vectors: npt.NDArray[np.float32],
    k: int,
    lambda_mult: float = LAMBDA_MULT,
) -> list[int]:
    """Maximal marginal relevance with cosines (Carbonell and Goldstein, SIGIR 1998).

    Each pick has the largest λ · cosine to the query − (1 − λ) · largest cosine to an earlier pick;
    equal ones by position.

    Args:
        query: `[d]`.
        vectors: `[n, d]` of the candidates.
        k: picks wanted.
        lambda_mult: λ, 0…1.
    """
    if len(vectors) == 0:
        return []
    relevance = cosines(vectors, query[None])[0]
    picks = [int(relevance.argmax())]
    likeness = cosines(vectors, vectors[picks])[0]
    while len(picks) < min(k, len(vectors)):
        value = lambda_mult * relevance - (1 - lambda_mult) * likeness
        value[picks] = -np.inf
        picks.append(int(value.argmax()))
        likeness = np.maximum(likeness, cosines(vectors, vectors[picks[-1:]])[0])
    return picks


def coverage_at(
    task: Task, picks: Sequence[int], cutoffs: Sequence[int]
) -> npt.NDArray[np.float64]:
    """`[c]` the share of the gold facets in the first passages, for a task with gold passages."""
    assert task.gold is not None
    curve = coverage_curve(picks, task.gold.judgements)
    return np.array([curve[min(size, len(curve)) - 1] if len(curve) else 0.0 for size in cutoffs])
