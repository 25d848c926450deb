"""`calibrate`: relevance, kernel and λ′ from a user's own queries."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from sift_retrievers.calibration.expected_coverage import expected_coverage
from sift_retrievers.calibration.pool import Pool
from sift_retrievers.calibration.report import Calibration, Score
from sift_retrievers.calibration.setting import DEFAULT, NEAREST, Setting, grid
from sift_retrievers.metrics import Judgements, coverage_curve, mean_interval, paired_comparison
from sift_retrievers.validation import count

FEWEST = 20  # queries; fewer say nothing of settings that are close to each other
# By how much the expected coverage must be better. Smaller differences do not agree with those of
# the judged evidence (benchmarks/retrieval/log.md); larger ones mean copies that stay in.
MARGIN = 0.02

T = TypeVar("T")
Progress = Callable[[Iterable[Setting]], Iterable[Setting]]


def calibrate(
    pools: Sequence[Pool],
    judgements: Sequence[Judgements] | None = None,
    *,
    settings: Sequence[Setting] | None = None,
    default: Setting = DEFAULT,
    cutoffs: Sequence[int] = (3, 5, 10),
    confidence: float = 0.95,
    progress: Progress | None = None,
) -> Calibration:
    """Choose the setting that finds the most evidence for these queries.

    Every setting selects for every query. Its score is the evidence coverage, averaged over the
    cutoffs: of the judged passages, or without judgements the expected coverage
    (`expected_coverage`: relevance by the default's witnesses, repetition by near-identity of the
    vectors). The setting with the largest mean is taken if it beats the default with some
    confidence, else the default stays. Plain similarity search is among the settings, and may be
    the answer. Without judgements a setting must be better by 0.02: the expected coverage assumes
    what the default assumes of relevance, so that judging a few dozen queries is worth the while.

    Args:
        pools: at least 20 queries with their candidates.
        judgements: one a pool; None where nobody has judged.
        settings: what to try; default: `grid()`.
        default: what to compare with, and to fall back on.
        cutoffs: numbers of passages that the coverage is averaged over.
        confidence: how sure it must be that the chosen one beats the default: the lower end of
            the paired bootstrap interval of that two-sided confidence must lie above 0.
        progress: wraps the settings, to draw a bar: `tqdm.tqdm`, say.

    Returns:
        The choice, all scores, a printable report and a plot.

    Raises:
        ValueError: for fewer than 20 queries, or judgements that are not one a pool.
    """
    _enough(len(pools))
    if judgements is not None and len(judgements) != len(pools):
        raise ValueError(f"judgements must be {len(pools)}, one a query; got {len(judgements)}")
    sizes = [count(size, "cutoffs") for size in cutoffs]
    if not sizes:
        raise ValueError("cutoffs must hold at least one number of passages")
    tried = list(dict.fromkeys([default, NEAREST, *(grid() if settings is None else settings)]))
    expected = None  # of what is relevant, where nobody has judged it
    if judgements is None:
        expected = [pool.retrieval(1, DEFAULT.rules).judged.total for pool in pools]
    values = {
        setting: _scores(pools, judgements, expected, setting, sizes)
        for setting in (tried if progress is None else progress(tried))
    }
    base = values[default]
    scores = tuple(
        Score(
            setting=setting,
            coverage=mean_interval(found, confidence=confidence),
            over_default=paired_comparison(found, base, confidence=confidence),
        )
        for setting, found in values.items()
    )
    best = max(scores, key=lambda score: score.coverage.mean)
    surely = best.over_default.difference.low > (0 if judgements is not None else MARGIN)
    return Calibration(
        setting=best.setting if surely else default,
        default=default,
        scores=scores,
        labelled=judgements is not None,
        queries=len(pools),
        cutoffs=tuple(sizes),
    )


def calibration_of(
    pools: Iterable[Pool],
    queries: int,
    gold: Sequence[Collection[Hashable] | Mapping[Hashable, Collection[Hashable]]] | None,
    *,
    progress: bool,
    **options: Any,
) -> Calibration:
    """What the integrations share: gold in a user's words, and a bar over all of the work.

    Args:
        pools: one a query, fetched as they are asked for.
        queries: how many there are.
        gold: for every query names of passages, or a mapping from names to facets.
        progress: draw bars, if tqdm is installed.
        **options: of `calibrate`.

    Raises:
        ValueError: for gold that is not one a query, or names that no candidate has.
    """
    if gold is not None and len(gold) != queries:
        raise ValueError(f"gold must be {queries}, one a query; got {len(gold)}")
    _enough(queries)
    for i, judged in enumerate(gold or ()):
        if isinstance(judged, str | bytes) or not isinstance(judged, Collection) or not judged:
            raise ValueError(
                f"gold of question {i} must be names of passages in a list or set, or a mapping "
                f"from names to facets, at least one; got {judged!r}"
            )
    bar = _bar if progress else None
    fetched = [*(pools if bar is None else bar(pools, "candidates", queries))]
    judgements = None
    if gold is not None:
        judgements = [
            Judgements(judged if isinstance(judged, Mapping) else dict.fromkeys(judged, ()))
            for judged in gold
        ]
        known = {name for pool in fetched for name in pool.passages}
        if not any(name in known for judged in judgements for name in judged.facets):
            raise ValueError(
                "none of the gold passages is among the candidates: are the names those of "
                f"passage=...? Candidates are named {sorted(map(repr, known))[:3]}, gold "
                f"{sorted(map(repr, judgements[0].facets))[:3]}"
            )
    drawn = None if bar is None else lambda tried: bar(tried, "settings", None)
    return calibrate(fetched, judgements, progress=drawn, **options)


def _enough(queries: int) -> None:
    if queries < FEWEST:
        raise ValueError(f"calibrate needs at least {FEWEST} queries; got {queries}")


def _bar(steps: Iterable[T], title: str, total: int | None) -> Iterable[T]:
    try:
        from tqdm import tqdm
    except ImportError:
        return steps
    drawn: Iterable[T] = tqdm(steps, desc=title, total=total)
    return drawn


def _scores(
    pools: Sequence[Pool],
    judgements: Sequence[Judgements] | None,
    expected: Sequence[npt.NDArray[np.float64]] | None,
    setting: Setting,
    cutoffs: Sequence[int],
) -> npt.NDArray[np.float64]:
    """`[Q]` coverage of each query, averaged over the cutoffs; judged, or by expected relevance."""
    scores = np.empty(len(pools))
    for i, pool in enumerate(pools):
        picks = pool.retrieval(max(cutoffs), setting.rules).outcome.choice.picks
        if judgements is not None:
            curve = coverage_curve([pool.passages[j] for j in picks.tolist()], judgements[i])
        else:
            assert expected is not None
            curve = expected_coverage(expected[i], pool.vectors, picks)
        found = [curve[min(size, len(curve)) - 1] if len(curve) else 0.0 for size in cutoffs]
        scores[i] = np.mean(found)
    return scores
