"""`Candidates`: the hits of a query, with all that the selection needs to know about them."""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, Final, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from sift_retrievers.arrays import check_finite
from sift_retrievers.coverage import Coverage
from sift_retrievers.retrieval.cosines import cosines
from sift_retrievers.retrieval.hits import Hits, check_parts
from sift_retrievers.retrieval.rules import PHRASES, SelectionRules
from sift_retrievers.retrieval.target import Target, stacked_targets
from sift_retrievers.retrieval.titles import titles_of
from sift_retrievers.witnesses.phrases import coverage_from_terms
from sift_retrievers.witnesses.relevance import Relevance, combine_witnesses
from sift_retrievers.witnesses.scorer import checked_scores
from sift_retrievers.witnesses.term_cache import TermCache
from sift_retrievers.witnesses.texts import PassageTexts

DocumentT = TypeVar("DocumentT")
Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

MOST_TOKENS: Final = 2**63
"""Of one text: more is a mistake of the function that counts."""
TERMS: Final = TermCache()
"""The terms of the texts read last, of all retrievers of the process: 64 MiB at most."""


@dataclass(frozen=True)
class Candidates(Generic[DocumentT]):
    """n hits, with their relevance, phrases, costs and parents."""

    targets: npt.NDArray[np.float32]
    """`[m, d]` the vectors that stand for the query."""
    hits: Hits[DocumentT]
    rules: SelectionRules
    """The rules in force: if no hit has a text, those that use vectors alone."""
    relevance: Relevance
    allowed: npt.NDArray[np.bool_]
    """`[n]` which hits may be picked: those that reach the threshold."""
    coverage: Coverage | None
    """The phrases of the texts, for the kernel "phrases"."""
    costs: Float64 | None
    """`[n]` tokens of the texts, where `rules.max_tokens` is set."""
    parents: Sequence[Hashable] | None
    """n keys, of which no two picks share one; None for a hit without a parent. None: no rule."""
    titles: Sequence[str | None] | None
    """n titles; None where no rule needs them."""

    @property
    def cosines(self) -> Float64:
        """`[n]` cosine of each hit to the query; of several targets, to the nearest."""
        return self.relevance.scores_by_witness["cosine"]


def candidates_of(
    query: str,
    targets: Sequence[Target],
    hits: Hits[DocumentT],
    rules: SelectionRules,
    scores: Any = None,
) -> Candidates[DocumentT]:
    """Compute what the rules need to know about the hits.

    Args:
        query: the text of the question, for the scorer among the witnesses.
        targets: m.
        hits: n.
        rules: those of the retrieval.
        scores: `[n]` of a reranker; None: the scorer is asked, if there is one.

    Raises:
        TypeError: if targets or hits are not of the kinds that `Target` and `Hits` say.
        ValueError: for vectors of different lengths, and for vectors, scores or token counts that
            are not finite numbers, one for each hit.
    """
    stacked = stacked_targets(targets)
    check_parts("hits", hits, stacked.shape[1])
    passages, titles = _read(hits, rules)
    if rules.chosen_kernel == PHRASES and passages is None and len(hits) > 0:
        rules = rules.without_texts()
    witnesses = rules.witnesses
    if scores is not None:
        scores = checked_scores(scores, len(hits))
    elif witnesses.scorer is not None and len(hits) > 0:
        asked = query or " ".join(target.text for target in targets if target.text)
        scores = checked_scores(witnesses.scorer(asked, [*hits.texts]), len(hits))
    relevance = combine_witnesses(
        _finite_cosines(hits, stacked),
        [target.text for target in targets],
        passages,
        witnesses,
        scores,
    )
    allowed = np.ones(len(hits), dtype=np.bool_)
    if rules.score_threshold is not None:
        allowed = relevance.scores_by_witness["cosine"] >= rules.score_threshold
    coverage = None
    if rules.chosen_kernel == PHRASES and passages is not None:
        words = relevance.words
        weights = None if words is None else words.word_weights
        coverage = coverage_from_terms(passages, weights, level=relevance.chance)
    return Candidates(
        stacked,
        hits,
        rules,
        relevance,
        allowed,
        coverage,
        _costs(hits.texts, rules),
        _parents(hits, rules),
        titles,
    )


def _finite_cosines(hits: Hits[Any], targets: Float32) -> Float64:
    """`[m, n]`, of vectors that must be finite."""
    found = cosines(hits.vectors, targets)
    if np.isnan(found).any():
        check_finite(targets, "the vectors of targets")
        check_finite(hits.vectors, "the vectors of hits")
    return found


def _read(
    hits: Hits[Any], rules: SelectionRules
) -> tuple[PassageTexts | None, Sequence[str | None] | None]:
    """The texts of the hits and their titles; None where no rule needs them, or there are none."""
    if not rules.reads_texts or not any(map(str.strip, hits.texts)):
        return None, None
    titles = titles_of(hits, rules.title)
    return PassageTexts.read(hits.texts, titles, cache=TERMS), titles


def _costs(texts: Sequence[str], rules: SelectionRules) -> Float64 | None:
    count = rules.token_counter
    if count is None:
        return None
    costs = [count(text) for text in texts]
    wrong = [cost for cost in costs if not (isinstance(cost, Real) and 0 <= cost <= MOST_TOKENS)]
    if wrong:
        raise ValueError(f"token_counter must give a number of tokens; got {wrong[0]!r}")
    return np.array(costs, dtype=np.float64)


def _parents(hits: Hits[Any], rules: SelectionRules) -> list[Hashable] | None:
    by = rules.distinct_by
    if by is None:
        return None
    if callable(by):
        found = [by(hits.document(i)) for i in range(len(hits))]
    else:
        found = [(metadata or {}).get(by) for metadata in hits.metadata]
    if found and all(parent is None for parent in found):
        warnings.warn(
            f"distinct_by has no effect: none of the {len(found)} candidates has such a parent; is "
            "the key spelled as in the metadata?",
            stacklevel=2,
        )
    return [*map(_hashable, found)]


def _hashable(parent: Any) -> Hashable:
    try:
        hash(parent)
    except TypeError:
        return repr(parent)
    key: Hashable = parent
    return key
