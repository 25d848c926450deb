"""Measures of picks, one number a question: methods are compared question by question."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.metrics.alpha_ndcg import alpha_ndcg
from benchmarks.metrics.redundancy import redundancy
from benchmarks.retrieval.candidates import Candidates, Picks

Values = npt.NDArray[np.float64]
DEPTH = 10  # of α-nDCG and of redundancy


@dataclass(frozen=True)
class Scores:
    """What the picks of one method are worth: each `[Q]`."""

    coverage: dict[int, Values]
    """At every cutoff of the variant."""
    alpha_ndcg: Values
    """At 10."""
    near_duplicates: Values
    """Share of the first 10 that nearly repeat one before them."""

    @property
    def mean_coverage(self) -> Values:
        """Mean over the cutoffs: what methods are tuned for and compared by."""
        means: Values = np.mean([*self.coverage.values()], axis=0)
        return means


def covered(candidates: Candidates, picks: Picks) -> Values:
    """`[Q, k]` share of each question's facets after every pick; a pick of −1 holds nothing."""
    found = np.zeros(picks.shape)
    for shares, row, evidence in zip(found, picks.tolist(), candidates.evidence, strict=True):
        held: set[int] = set()
        for place, pick in enumerate(row):
            held.update(evidence.get(pick, ()))
            shares[place] = len(held)
    shares_of_all: Values = found / candidates.totals[:, None]
    return shares_of_all


def coverage_at(candidates: Candidates, picks: Picks) -> Values:
    """`[Q, cutoffs]` coverage at every cutoff; where there are fewer picks, all are counted."""
    places = [min(k, picks.shape[1]) - 1 for k in candidates.cutoffs]
    return covered(candidates, picks)[:, places]


def mean_coverage(candidates: Candidates, picks: Picks) -> Values:
    """`[Q]` mean of coverage over the cutoffs."""
    means: Values = coverage_at(candidates, picks).mean(axis=1)
    return means


def score(candidates: Candidates, picks: Picks) -> Scores:
    """All measures of the picks."""
    at = coverage_at(candidates, picks)
    passages, vectors = candidates.store.passages, candidates.store.vectors
    gains, repeats = [], []
    for row, query in zip(picks[:, :DEPTH].tolist(), candidates.asked, strict=True):
        # A place that was wasted still is a rank.
        ranking = [passages[i].id if i >= 0 else ("nothing", n) for n, i in enumerate(row)]
        gains.append(alpha_ndcg(ranking, query.judgements, DEPTH))
        repeats.append(redundancy(vectors[[i for i in row if i >= 0]]).near_duplicates)
    return Scores(
        coverage={k: at[:, n] for n, k in enumerate(candidates.cutoffs)},
        alpha_ndcg=np.array(gains),
        near_duplicates=np.array(repeats),
    )
