"""`calibrate`: choose relevance, kernel and λ′ by a user's own queries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from sift_retrievers.calibration.configuration import (
    DEFAULT,
    NEAREST,
    Configuration,
    default_configurations,
)
from sift_retrievers.calibration.expected_coverage import expected_coverage
from sift_retrievers.calibration.gold import Gold, checked_gold, gold_found, judged_candidates
from sift_retrievers.calibration.query_candidates import QueryCandidates
from sift_retrievers.calibration.result import Calibration, ConfigurationScore
from sift_retrievers.evaluation import GoldAmong
from sift_retrievers.metrics import coverage_curve, mean_interval, paired_comparison
from sift_retrievers.validation import count

FEWEST: Final = 20
"""Queries; with fewer, configurations that are close to each other cannot be told apart."""
MARGIN: Final = 0.02
"""By how much the expected coverage must be better. Smaller differences do not agree with those of
the gold passages (benchmarks/retrieval/log.md)."""

T = TypeVar("T")
Float64 = npt.NDArray[np.float64]


def calibrate(
    queries: Iterable[QueryCandidates],
    gold: Sequence[Gold] | None = None,
    *,
    total: int | None = None,
    configurations: Sequence[Configuration] | None = None,
    default: Configuration = DEFAULT,
    cutoffs: Sequence[int] = (3, 5, 10),
    confidence: float = 0.95,
    progress: bool = False,
) -> Calibration:
    """Choose the configuration whose selections hold the most evidence for these queries.

    Every configuration selects passages for every query. Its score is the evidence coverage,
    averaged over the cutoffs. With gold passages that is the share of the gold facets that were
    found. Without, it is an expected coverage (`expected_coverage`): it takes relevance from the
    default configuration and repetition from the cosines of the vectors.

    The configuration with the highest mean is chosen if it beats the default with the given
    confidence, else the default. Without gold passages it must also be better by 0.02: the expected
    coverage shares the default's view of relevance, so gold passages for a few dozen queries make
    the result more reliable. Plain similarity search is always tried and can be the result.

    Args:
        queries: at least 20, each with its candidates. May be an iterator that fetches them.
        gold: one entry a query, in the same order; None if the gold passages are not known. Those
            of a `Question` are found by `sift_retrievers.evaluation.gold_among`, by name or text.
        total: how many queries there are, if `queries` has no length. It is then checked before the
            first query is fetched.
        configurations: what to try; default: `default_configurations()`.
        default: what to compare with, and to keep if nothing is better.
        cutoffs: numbers of passages that the coverage is averaged over.
        confidence: of the paired bootstrap interval of the difference to the default, which must
            lie above 0.
        progress: whether to draw progress bars, if tqdm is installed.

    Returns:
        The choice and all scores, with a printable report and a plot. It warns if fewer than half
        of the gold passages are among the candidates, since nothing can then score well.

    Raises:
        ValueError: for fewer than 20 queries, a wrong `total`, gold that is not one entry a
            query or names no candidate of any query, or cutoffs that are not whole numbers of at
            least 1.
    """
    if total is None:
        queries = [*queries]
        total = len(queries)
    if total < FEWEST:
        raise ValueError(f"calibrate needs at least {FEWEST} queries; got {total}")
    known = None if gold is None else checked_gold(gold, total)
    sizes = [count(size, "cutoffs") for size in cutoffs]
    if not sizes:
        raise ValueError("cutoffs must hold at least one number of passages; got none")
    fetched = [*_with_bar(queries, "candidates", total, progress)]
    if len(fetched) != total:
        raise ValueError(f"total={total} queries were announced; got {len(fetched)}")
    judged = None if known is None else judged_candidates(fetched, known)
    given = default_configurations() if configurations is None else configurations
    tried = [*dict.fromkeys([default, NEAREST, *given])]
    relevance = None
    if judged is None:
        rules = DEFAULT.rules
        relevance = [one.retrieval(1, rules).candidates.relevance.total for one in fetched]
    values = {
        configuration: _coverages(fetched, judged, relevance, configuration, sizes)
        for configuration in _with_bar(tried, "configurations", len(tried), progress)
    }
    scores = tuple(
        ConfigurationScore(
            configuration=configuration,
            coverage=mean_interval(found, confidence=confidence),
            over_default=paired_comparison(found, values[default], confidence=confidence),
        )
        for configuration, found in values.items()
    )
    best = max(scores, key=lambda score: score.coverage.mean)
    needed = MARGIN if judged is None else 0.0
    return Calibration(
        chosen=best.configuration if best.over_default.difference.low > needed else default,
        default=default,
        scores=scores,
        labelled=judged is not None,
        queries=len(fetched),
        cutoffs=tuple(sizes),
        gold_found=None if judged is None else gold_found(judged),
    )


def _with_bar(steps: Iterable[T], title: str, total: int, progress: bool) -> Iterable[T]:
    """The steps, with a progress bar if it is wanted and tqdm is installed."""
    if not progress:
        return steps
    try:
        from tqdm import tqdm
    except ImportError:
        return steps
    with_bar: Iterable[T] = tqdm(steps, desc=title, total=total)
    return with_bar


def _coverages(
    queries: Sequence[QueryCandidates],
    judged: Sequence[GoldAmong] | None,
    relevance: Sequence[Float64] | None,
    configuration: Configuration,
    cutoffs: Sequence[int],
) -> Float64:
    """`[Q]` coverage of each query, averaged over the cutoffs.

    By the gold passages, or, where none are known, expected from the relevance of the candidates.
    """
    rules = configuration.rules
    coverages = np.empty(len(queries))
    for i, one in enumerate(queries):
        picks = [pick.position for pick in one.retrieval(max(cutoffs), rules).picks]
        if judged is not None:
            curve = coverage_curve(picks, judged[i].judgements)
        else:
            assert relevance is not None
            curve = expected_coverage(relevance[i], one.vectors, np.array(picks, dtype=np.int64))
        found = [curve[min(size, len(curve)) - 1] if len(curve) else 0.0 for size in cutoffs]
        coverages[i] = np.mean(found)
    return coverages
