"""The phrases of passages as small numbers, and which passages are near-copies of one another."""

from __future__ import annotations

from collections import Counter
from typing import Final

import numpy as np
import numpy.typing as npt

from sift_retrievers.witnesses.texts import PassageTexts

NEAR_COPY: Final = 0.6
"""Passages are near-copies if they share this part of the phrases of the one that has fewer."""
SAME_VECTOR: Final = 0.99
"""Passages without texts are near-copies if the cosine of their vectors is at least this."""

Numbers = list[npt.NDArray[np.intp]]


def phrase_numbers(passages: PassageTexts) -> Numbers:
    """The phrases of each of n passages, in the order of its text.

    A phrase that occurs in several passages has a number from 1; one of a single passage has 0.
    """
    arrays = passages.arrays
    counts = arrays.phrase_counts
    if len(arrays.phrases) == 0:
        return [np.empty(0, dtype=np.intp) for _ in range(len(passages))]
    distinct, at = np.unique(arrays.phrases, return_inverse=True)
    passage = np.repeat(np.arange(len(passages)), counts)
    lowest, highest = np.full(len(distinct), len(passages)), np.full(len(distinct), -1)
    np.minimum.at(lowest, at, passage)
    np.maximum.at(highest, at, passage)
    shared = lowest < highest
    number = np.where(shared, np.cumsum(shared), 0)
    return np.split(number[at], np.cumsum(counts)[:-1])


def run_lengths(numbers: npt.NDArray[np.intp]) -> list[int]:
    """A shorter list: every run of zeros as its length, negative."""
    short: list[int] = []
    for number in numbers.tolist():
        if number > 0:
            short.append(number)
        elif short and short[-1] < 0:
            short[-1] -= 1
        else:
            short.append(-1)
    return short


def near_copies(
    phrases: Numbers | None, distinct: list[int] | None, cosines: npt.NDArray[np.float32]
) -> list[int]:
    """For each of n passages the position of the first passage that it is a near-copy of.

    A passage that is no near-copy of an earlier one has its own position.

    Args:
        phrases: of each passage, see `phrase_numbers`; None: there are no texts.
        distinct: how many different phrases each passage has.
        cosines: `[n, n]` of the vectors, which decide where a passage has no text.
    """
    firsts: list[int] = []
    found: list[int] = []
    owners: dict[int, list[int]] = {}  # a phrase → the firsts that have it
    for i in range(len(cosines)):
        parts = set() if phrases is None else {*phrases[i].tolist()} - {0}
        best = i
        if distinct is not None and distinct[i] > 0:
            common = Counter(first for part in parts for first in owners.get(part, ()))
            enough = [
                first
                for first, count in common.items()
                if count >= NEAR_COPY * min(distinct[i], distinct[first])
            ]
            best = min(enough, default=i)
        else:
            alike = [
                first
                for first in firsts
                if cosines[i, first] >= SAME_VECTOR and (distinct is None or distinct[first] == 0)
            ]
            best = min(alike, default=i)
        found.append(best)
        if best == i:
            firsts.append(i)
            for part in parts:
                owners.setdefault(part, []).append(i)
    return found
