"""Passages that the best passages name: the second step of a question that takes two.

"Who directed the film X?" finds the passage "X", which names its director; what that person's own
passage says, the question's words cannot find.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from sift_retrievers.acceleration import compiled
from sift_retrievers.witnesses.terms import combined
from sift_retrievers.witnesses.texts import PassageTexts

BEST: Final = 10  # passages whose mentions count

Float64 = npt.NDArray[np.float64]


def mentions(passages: PassageTexts, relevance: Float64) -> Float64:
    """`[n]` 0…1: how relevant the best of those passages is that name a passage.

    A passage is named where its title, or its short first line, stands word by word in one of the
    ten best passages that has another title. The value is exp(ρ_j − max ρ) of the best passage j
    that does, over the root of the number of those that do: who is named everywhere is no lead.

    Args:
        passages: n.
        relevance: `[n]` ρ in standard deviations.
    """
    native = compiled()
    if native is None:
        return mentions_in_arrays(passages, relevance)
    values = np.ascontiguousarray(relevance, dtype=np.float64)
    named: Float64 = np.frombuffer(native.mentions(passages.blocks, values, BEST))
    return named


def mentions_in_arrays(passages: PassageTexts, relevance: Float64) -> Float64:
    """The same by numpy."""
    named = np.zeros(len(passages))
    terms = passages.joined
    having = np.flatnonzero(terms.name_words)
    if len(having) == 0:
        return named
    best = np.argsort(-relevance, kind="stable")[:BEST]
    weight = np.exp(relevance[best] - relevance.max())
    starts = np.cumsum(terms.word_counts) - terms.word_counts
    words = [terms.words[starts[j] :][: terms.word_counts[j]] for j in best.tolist()]
    flat, ends = np.concatenate(words), np.cumsum([len(one) for one in words])
    # A name begins with the first word of its passage: few places have one.
    place = np.flatnonzero(np.isin(flat, terms.words[starts[having]]))
    rank = np.searchsorted(ends, place, side="right")
    so_far = flat[place]
    for size in range(1, int(terms.name_words.max()) + 1):
        if size > 1:
            inside = place + size <= ends[rank]  # not across two passages
            place, rank, so_far = place[inside], rank[inside], so_far[inside]
            so_far = combined(so_far, flat[place + size - 1])
        called = np.flatnonzero(terms.name_words == size)
        for name in np.unique(so_far[np.isin(so_far, terms.names[called])]):
            same = called[terms.names[called] == name]
            by = np.setdiff1d(rank[so_far == name], np.flatnonzero(np.isin(best, same)))
            if len(by) > 0:
                named[same] = weight[by].max() / np.sqrt(len(by))
    return named
