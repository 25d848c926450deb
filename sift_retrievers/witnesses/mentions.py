"""Passages whose names the most relevant passages mention: the second step of multi-hop questions.

"Where was the director of the film X born?" shares words with the passage "X", which names the
director. The director's own passage has the answer, but none of the question's words.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from sift_retrievers.acceleration import compiled
from sift_retrievers.witnesses.terms import Hashes, combined
from sift_retrievers.witnesses.texts import PassageTexts

BEST: Final = 10
"""How many of the most relevant passages are searched for names."""

Float64 = npt.NDArray[np.float64]


def mentions(passages: PassageTexts, relevance: Float64) -> Float64:
    """How strongly the most relevant passages point to each passage.

    A passage is mentioned where its name (`Terms.name`: its title or short first line) occurs word
    by word in one of the ten most relevant passages, unless that one has the same name. Its value
    is exp(ρ_j − max ρ) of the most relevant passage j that mentions it, divided by the square root
    of the number of passages that do: a name that occurs everywhere says little.

    Args:
        passages: n.
        relevance: `[n]` ρ in standard deviations.

    Returns:
        `[n]` values, 0 to 1.
    """
    native = compiled()
    if native is None:
        return mentions_in_arrays(passages, relevance)
    values = np.ascontiguousarray(relevance, dtype=np.float64)
    named: Float64 = np.frombuffer(native.mentions(passages.blocks, values, BEST))
    return named


def mentions_in_arrays(passages: PassageTexts, relevance: Float64) -> Float64:
    """`mentions` in numpy, for where the compiled function is not available."""
    named = np.zeros(len(passages))
    terms = passages.arrays
    wanted: dict[int, dict[int, list[int]]] = {}  # words of a name → its hash → its passages
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
    # A name begins with the first word of its passage, which occurs in few places.
    place = _places(flat, terms.words[starts[terms.name_words > 0]])
    rank = np.searchsorted(ends, place, side="right")
    so_far = flat[place]
    for size in range(1, max(wanted) + 1):
        if size > 1:
            inside = place + size <= ends[rank]  # not across the end of a passage
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
    """The positions of hashes that are among the wanted ones, of which there is at least one."""
    keys = np.sort(wanted)
    at = np.searchsorted(keys, hashes).clip(max=len(keys) - 1)
    return np.flatnonzero(keys[at] == hashes)
