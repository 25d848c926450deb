"""α-nDCG: every facet of a document counts, but less if earlier documents had it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence

from sift_retrievers.metrics.judgements import Judgements
from sift_retrievers.validation import count


def alpha_ndcg(
    retrieved: Sequence[Hashable], judgements: Judgements, k: int, alpha: float = 0.5
) -> float:
    """α-nDCG@k of a ranked list.

    The gain of a document is Σ (1 − α)^r over its facets, where r is the number of earlier
    documents with that facet. The gains of the first k documents are divided by log₂(1 + rank) and
    summed; the sum is divided by that of an ideal ranking.

    Finding the best ranking is NP-complete, so the ideal ranking is the greedy one: at every rank
    the document with the largest gain; of equal ones, the one with more facets; then the one that
    was judged first. A list can score slightly above 1 where the greedy ranking is not the best.

    Args:
        retrieved: document ids, best first, no id twice; fewer than k is allowed.
        judgements: of the query.
        k: at least 1.
        alpha: 0 to 1. With 0 a repeated facet counts as much as a new one (nDCG, the number of
            facets as gain), with 1 it counts nothing.

    Returns:
        0 to 1 and, rarely, a little more. Source: Clarke et al., "Novelty and Diversity in
        Information Retrieval Evaluation", SIGIR 2008, section 4.

    Raises:
        ValueError: for k below 1, α outside of 0 to 1, or an id that comes twice.
    """
    k = count(k, "k")
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha must be 0 to 1; got {alpha!r}")
    first = retrieved[:k]
    if len(set(first)) < len(first):
        twice = next(document for document, n in Counter(first).items() if n > 1)
        raise ValueError(f"retrieved must hold every document once; got {twice!r} several times")
    gained = _discounted(map(judgements.of, first), alpha)
    return gained / _discounted(_ideal(judgements, k, alpha), alpha)


def _discounted(ranking: Iterable[frozenset[Hashable]], alpha: float) -> float:
    """α-DCG of documents given by their facets."""
    seen: Counter[Hashable] = Counter()
    total = 0.0
    for rank, facets in enumerate(ranking, start=1):
        total += _gain(facets, seen, alpha) / math.log2(1 + rank)
        seen.update(facets)
    return total


def _gain(facets: Iterable[Hashable], seen: Counter[Hashable], alpha: float) -> float:
    return math.fsum((1 - alpha) ** seen[facet] for facet in facets)


def _ideal(judgements: Judgements, k: int, alpha: float) -> list[frozenset[Hashable]]:
    """Facets of the documents of the greedy ideal ranking, at most k."""
    # Documents with the same facets are interchangeable: only the kinds need to be compared.
    left = Counter(judgements.of(document) for document in judgements.facets)
    seen: Counter[Hashable] = Counter()
    ranking: list[frozenset[Hashable]] = []
    while left and len(ranking) < k:
        best = max(left, key=lambda facets: (_gain(facets, seen, alpha), len(facets)))
        ranking.append(best)
        seen.update(best)
        left[best] -= 1
        if not left[best]:
            del left[best]
    return ranking
