"""Measures of picks, one number a query, so that methods can be compared query by query."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.retrieval.candidates import Candidates, Picks
from benchmarks.retrieval.methods import CUTOFFS
from sift_retrievers.metrics import alpha_ndcg, redundancy

Values = npt.NDArray[np.float64]
DEPTH = 10  # of α-nDCG and of redundancy


@dataclass(frozen=True)
class Scores:
    """What the picks of one method are worth: each `[Q]`."""

    coverage: dict[int, Values]
    """At every cutoff."""
    all_evidence: dict[int, Values]
    """1 where every facet is covered."""
    alpha_ndcg: Values
    """At 10."""
    near_duplicates: Values
    """Share of the first 10 that nearly repeat one before them."""

    @property
    def mean_coverage(self) -> Values:
        """Mean over the cutoffs: what methods are tuned for and compared by."""
        means: Values = np.mean([*self.coverage.values()], axis=0)
        return means


def coverage_at(candidates: Candidates, picks: Picks, cutoffs: tuple[int, ...]) -> Values:
    """`[Q, len(cutoffs)]` share of each query's facets among the first picks.

    A pick of −1 holds nothing. Where there are fewer picks than a cutoff, all are counted.
    """
    return covered(candidates, picks)[:, [min(k, picks.shape[1]) - 1 for k in cutoffs]]


def covered(candidates: Candidates, picks: Picks) -> Values:
    """`[Q, k]` coverage after every pick."""
    rows = np.arange(len(picks))[:, None]
    held = candidates.facets[rows, picks] & (picks >= 0)[:, :, None]
    found = np.maximum.accumulate(held, axis=1).sum(axis=2)
    shares: Values = found / candidates.totals[:, None]
    return shares


def mean_coverage(candidates: Candidates, picks: Picks) -> Values:
    """`[Q]` mean of coverage over the cutoffs."""
    means: Values = coverage_at(candidates, picks, CUTOFFS).mean(axis=1)
    return means


def score(candidates: Candidates, picks: Picks) -> Scores:
    """All measures of the picks."""
    at = coverage_at(candidates, picks, CUTOFFS)
    gains, repeats = [], []
    for row, documents, vectors, judged in zip(
        picks[:, :DEPTH],
        candidates.documents,
        candidates.vectors,
        candidates.judgements,
        strict=True,
    ):
        made = row[row >= 0].tolist()
        # A place that was wasted still is a rank.
        ranking = [documents[i] if i >= 0 else ("nothing", n) for n, i in enumerate(row.tolist())]
        gains.append(alpha_ndcg(ranking, judged, DEPTH))
        repeats.append(redundancy(vectors[made]).near_duplicates)
    return Scores(
        coverage={k: at[:, n] for n, k in enumerate(CUTOFFS)},
        all_evidence={k: (at[:, n] == 1).astype(np.float64) for n, k in enumerate(CUTOFFS)},
        alpha_ndcg=np.array(gains),
        near_duplicates=np.array(repeats),
    )
