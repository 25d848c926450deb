"""From hits to a choice: the greedy selection that the rules ask for."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from sift_retrievers.coverage import Coverage, cover
from sift_retrievers.ranking import falling_shares
from sift_retrievers.retrieval.by_vectors import choose_by_vectors
from sift_retrievers.retrieval.choice import Choice
from sift_retrievers.retrieval.rules import SelectionRules
from sift_retrievers.selection.stopping import alpha_length
from sift_retrievers.stop_reason import StopReason
from sift_retrievers.witnesses import Relevance

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

NOTHING: Final = np.empty(0)


def choose(
    targets: Float32,
    vectors: Float32,
    k: int,
    rules: SelectionRules,
    relevance: Relevance,
    *,
    coverage: Coverage | None = None,
    costs: Float64 | None = None,
    parents: Sequence[Hashable] | None = None,
    gone: Sequence[int] = (),
) -> Choice:
    """Pick at most k of n hits.

    Args:
        targets: `[m, d]` the query's vector, or several.
        vectors: `[n, d]` of the hits, nearest first.
        k: passages wanted.
        rules: how.
        relevance: of the hits.
        coverage: of the hits' texts, for the kernel "phrases".
        costs: `[n]` tokens of the hits, where `rules.max_tokens` is set.
        parents: n keys, no two picks share one; None for a hit that has no parent.
        gone: positions of hits that are no candidates, since their documents are gone.
    """
    similarities = relevance.scores_by_witness["cosine"]
    candidates = np.ones(len(vectors), dtype=np.bool_)
    if rules.score_threshold is not None:
        candidates = similarities >= rules.score_threshold
    if gone:
        candidates[[*gone]] = False
    unlikely = rules.min_chance is not None and relevance.chance < rules.min_chance
    if unlikely or not candidates.any():
        reason = StopReason.MIN_CHANCE if unlikely else StopReason.EXHAUSTED
        none = np.empty(0, dtype=np.int64)
        return Choice(none, NOTHING, NOTHING, NOTHING, None, similarities, candidates, reason)
    groups = None if parents is None else _groups(parents)
    if coverage is not None:
        return _covering(k, rules, relevance, coverage, costs, groups, similarities, candidates)
    return choose_by_vectors(targets, vectors, k, rules, relevance, costs, groups, candidates)


def _covering(
    k: int,
    rules: SelectionRules,
    relevance: Relevance,
    coverage: Coverage,
    costs: Float64 | None,
    groups: npt.NDArray[np.int64] | None,
    similarities: Float64,
    candidates: npt.NDArray[np.bool_],
) -> Choice:
    assert rules.lambda_ is not None
    found = cover(
        coverage,
        relevance.total,
        k,
        lambda_=rules.lambda_,
        min_gain=rules.min_gain,
        min_novelty=rules.min_novelty,
        costs=costs,
        budget=rules.max_tokens,
        groups=groups,
        allowed=None if candidates.all() else candidates,
    )
    left = np.concatenate([[1.0], np.cumprod(1 - found.variance)])
    made, reason = len(found.indices), found.stop_reason
    if rules.alpha is not None and made > 0:
        kept = int(alpha_length(left[None], 1, rules.alpha)[0])
        if kept < made:
            made, reason = kept, StopReason.ALPHA
    return Choice(
        picks=found.indices[:made],
        gains=found.gains[:made],
        novelty=found.novelty[:made],
        scores=falling_shares(found.variance[:made]),
        uncertainty=left[: made + 1],
        similarities=similarities,
        candidates=candidates,
        stop_reason=reason,
    )


def _groups(parents: Sequence[Hashable]) -> npt.NDArray[np.int64]:
    """A number for every parent; each None gets one of its own."""
    numbers: dict[Hashable, int] = {}
    keys = (("orphan", i) if p is None else ("parent", p) for i, p in enumerate(parents))
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)
