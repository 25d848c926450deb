"""Passages that the best passages name: the second step of a question that takes two.

"Who directed the film X?" finds the passage "X", which names its director; what that person's own
passage says, the question's words cannot find.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

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
    named = np.zeros(len(passages))
    wanted: dict[int, dict[int, list[int]]] = {}  # words of a name → its hash → who has it
    for i, terms in enumerate(passages.terms):
        if terms.name is not None:
            key, size = terms.name
            wanted.setdefault(size, {}).setdefault(key, []).append(i)
    best = np.argsort(-relevance, kind="stable")[:BEST].tolist()
    if not wanted:
        return named
    words = [passages.terms[j].words for j in best]
    flat, ends = np.concatenate(words), np.cumsum([len(one) for one in words])
    weight = np.exp(relevance[best] - relevance.max())
    so_far = flat
    for size in range(1, max(wanted) + 1):
        if size > 1:
            so_far = combined(so_far[:-1], flat[size - 1 :])
        if size not in wanted or len(so_far) == 0:
            continue
        keys = np.array(sorted(wanted[size]), dtype=np.uint64)
        at = np.searchsorted(keys, so_far).clip(max=len(keys) - 1)
        place = np.flatnonzero(keys[at] == so_far)
        holder = np.searchsorted(ends, place, side="right")
        inside = place + size <= ends[holder]  # not across two passages
        found: dict[int, set[int]] = {}
        for rank, key in zip(
            holder[inside].tolist(), keys[at[place[inside]]].tolist(), strict=True
        ):
            if passages.terms[best[rank]].name != (key, size):
                found.setdefault(key, set()).add(rank)
        for key, ranks in found.items():
            value = max(weight[rank] for rank in ranks) / np.sqrt(len(ranks))
            named[wanted[size][key]] = value
    return named
