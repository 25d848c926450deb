"""`pick`: the greedy selection among candidates, by phrases or by vectors."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sift_retrievers.coverage import Coverage, cover
from sift_retrievers.ranking import falling_shares
from sift_retrievers.retrieval.by_vectors import pick_by_vectors
from sift_retrievers.retrieval.candidates import Candidates
from sift_retrievers.retrieval.picked import Picked
from sift_retrievers.selection.stopping import alpha_length
from sift_retrievers.stop_reason import StopReason

NOTHING: Final = np.empty(0)


def pick(candidates: Candidates[Any], k: int) -> Picked:
    """Pick at most k of the candidates."""
    rules, relevance = candidates.rules, candidates.relevance
    unlikely = rules.min_chance is not None and relevance.chance < rules.min_chance
    if unlikely or not candidates.allowed.any():
        reason = StopReason.MIN_CHANCE if unlikely else StopReason.EXHAUSTED
        none = np.empty(0, dtype=np.int64)
        return Picked(none, NOTHING, NOTHING, NOTHING, None, reason)
    groups = None if candidates.parents is None else numbered(candidates.parents)
    if candidates.coverage is not None:
        return _pick_by_phrases(candidates, candidates.coverage, k, groups)
    return pick_by_vectors(candidates, k, groups)


def _pick_by_phrases(
    candidates: Candidates[Any],
    coverage: Coverage,
    k: int,
    groups: npt.NDArray[np.int64] | None,
) -> Picked:
    rules, allowed = candidates.rules, candidates.allowed
    found = cover(
        coverage,
        candidates.relevance.total,
        # One more than there are candidates is enough to pick all and to report "exhausted".
        min(k, len(candidates.hits) + 1),
        lambda_=rules.noise,
        min_gain=rules.min_gain,
        min_novelty=rules.min_novelty,
        costs=candidates.costs,
        budget=rules.max_tokens,
        groups=groups,
        allowed=None if allowed.all() else allowed,
    )
    left = np.concatenate([[1.0], np.cumprod(1 - found.variance)])
    made, reason = len(found.indices), found.stop_reason
    if rules.alpha is not None and made > 0:
        kept = int(alpha_length(left[None], 1, rules.alpha)[0])
        if kept < made:
            made, reason = kept, StopReason.ALPHA
    return Picked(
        positions=found.indices[:made],
        gains=found.gains[:made],
        novelty=found.novelty[:made],
        scores=falling_shares(found.variance[:made]),
        uncertainty=left[: made + 1],
        stop_reason=reason,
    )


def numbered(parents: Sequence[Hashable]) -> npt.NDArray[np.int64]:
    """A number for every parent; each hit without a parent gets a number of its own."""
    numbers: dict[Hashable, int] = {}
    keys = (("orphan", i) if p is None else ("parent", p) for i, p in enumerate(parents))
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)
