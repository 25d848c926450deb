"""Passages that the best passages name: the second step of a question that takes two.

"Who directed the film X?" finds the passage "X", which names its director; what that person's own
passage says, the question's words cannot find.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from sift_retrievers.acceleration import compiled
from sift_retrievers.witnesses.terms import Hashes, combined
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
    wanted: dict[int, dict[int, list[int]]] = {}  # words of a name → its hash → who has it
    own = [*zip(terms.names.tolist(), terms.name_words.tolist(), strict=True)]
    for i, (name, size) in enumerate(own):
        if size > 0:
            wanted.setdefault(size, {}).setdefault(name, []).append(i)
    if not wanted:
        return named
    best = np.argsort(-relevance, kind="stable")[:BEST].tolist()
    weight = np.exp(relevance[best] - relevance.max())
    starts = np.cumsum(terms.word_counts) - terms.word_counts
    words = [terms.words[starts[j] :][: terms.word_counts[j]] for j in best]
    flat, ends = np.concatenate(words), np.cumsum([len(one) for one in words])
    # A name begins with the first word of its passage: few places have one.
    place = _places(flat, terms.words[starts[terms.name_words > 0]])
    rank = np.searchsorted(ends, place, side="right")
    so_far = flat[place]
    for size in range(1, max(wanted) + 1):
        if size > 1:
            inside = place + size <= ends[rank]  # not across two passages
            place, rank, so_far = place[inside], rank[inside], so_far[inside]
            so_far = combined(so_far, flat[place + size - 1])
        if size not in wanted:
            continue
        here = _places(so_far, np.array([*wanted[size]], dtype=np.uint64))
        found: dict[int, set[int]] = {}
        for j, name in zip(rank[here].tolist(), so_far[here].tolist(), strict=True):
            if own[best[j]] != (name, size):
                found.setdefault(name, set()).add(j)
        for name, ranks in found.items():
            value = max(weight[j] for j in ranks) / np.sqrt(len(ranks))
            named[wanted[size][name]] = value
    return named


def _places(hashes: Hashes, wanted: Hashes) -> npt.NDArray[np.intp]:
    """Where one of some wanted hashes stands, of which there is one at least."""
    keys = np.sort(wanted)
    at = np.searchsorted(keys, hashes).clip(max=len(keys) - 1)
    return np.flatnonzero(keys[at] == hashes)
