"""Where the terms of a question occur in passages, as lists that JSON can hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sift_retrievers.witnesses.terms import Hashes, Terms, combined
from sift_retrievers.witnesses.texts import PassageTexts
from sift_retrievers.witnesses.words import read_question

Integers = npt.NDArray[np.intp]


def terms_found(question: str, passages: PassageTexts) -> dict[str, Any]:
    """Where the words, character 4-grams and pairs of words of a question occur in n passages.

    Returns:
        "words", "grams" and "pairs", each a dict: "terms", how many different ones the question
        has, and "found", a list for each passage. It holds for words the place and the number of
        the term in turn, for each occurrence; for grams the number of the term, its occurrences and
        those in the head; for pairs the numbers of the terms that occur.
    """
    asked, arrays = Terms(read_question(question)), passages.arrays
    words, grams = np.unique(asked.words), np.unique(asked.grams)
    pairs = np.unique(combined(asked.words[:-1], asked.words[1:]))
    return {
        "words": {
            "terms": len(words),
            "found": [
                np.stack(at, axis=1).ravel().tolist()
                for at in _places(words, arrays.words, arrays.word_counts)
            ],
        },
        "grams": {
            "terms": len(grams),
            "found": [
                _counted(place, term, int(head))
                for (place, term), head in zip(
                    _places(grams, arrays.grams, arrays.gram_counts), arrays.head_grams, strict=True
                )
            ],
        },
        "pairs": {
            "terms": len(pairs),
            "found": [
                np.unique(term).tolist()
                for _, term in _places(pairs, *_pairs(arrays.words, arrays.word_counts))
            ],
        },
    }


def _places(
    asked: Hashes, hashes: Hashes, lengths: Integers
) -> list[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
    """For each passage, where terms of the question stand in it, and which.

    Args:
        asked: the different terms of the question, sorted.
        hashes: the terms of all passages, passage after passage.
        lengths: `[n]` how many each passage has.
    """
    starts = np.cumsum(lengths) - lengths
    if len(asked) == 0 or len(hashes) == 0:
        place = term = np.empty(0, dtype=np.intp)
    else:
        near = np.searchsorted(asked, hashes).clip(max=len(asked) - 1)
        place = np.flatnonzero(asked[near] == hashes)
        term = near[place]
    cuts = np.searchsorted(place, [*starts, len(hashes)])
    return [
        (place[cuts[i] : cuts[i + 1]] - start, term[cuts[i] : cuts[i + 1]])
        for i, start in enumerate(starts)
    ]


def _counted(place: Integers, term: Integers, head: int) -> list[int]:
    """Number, occurrences, and occurrences in the head, of each term that occurs."""
    numbers, at = np.unique(term, return_inverse=True)
    counts = np.bincount(at, minlength=len(numbers))
    in_head = np.bincount(at[place < head], minlength=len(numbers))
    found: list[int] = np.stack([numbers, counts, in_head], axis=1).ravel().tolist()
    return found


def _pairs(words: Hashes, lengths: Integers) -> tuple[Hashes, Integers]:
    """The pairs of neighbouring words of all passages, and how many each passage has."""
    if len(words) == 0:
        return words, lengths
    inside = np.ones(len(words) - 1, dtype=np.bool_)
    inside[np.cumsum(lengths[lengths > 0])[:-1] - 1] = False
    return combined(words[:-1], words[1:])[inside], np.maximum(lengths - 1, 0)


def naming_passages(passages: PassageTexts) -> list[list[int]]:
    """For each passage, the positions of the passages whose text has its name in it.

    As `sift_retrievers.witnesses.mentions` finds names, but in all passages, not in the ten most
    relevant. A passage with the same name does not count.
    """
    arrays = passages.arrays
    sizes, names, counts = arrays.name_words, arrays.names, arrays.word_counts
    named: list[list[int]] = [[] for _ in range(len(passages))]
    have = np.flatnonzero(sizes > 0)
    if len(have) == 0:
        return named
    ends = np.cumsum(counts)
    words, first = arrays.words, np.unique(arrays.words[(ends - counts)[have]])
    place = np.flatnonzero(np.isin(words, first))
    passage = np.searchsorted(ends, place, side="right")
    so_far = words[place]
    for size in range(1, int(sizes.max()) + 1):
        if size > 1:
            inside = place + size <= ends[passage]
            place, passage, so_far = place[inside], passage[inside], so_far[inside]
            so_far = combined(so_far, words[place + size - 1])
        wanted: dict[int, list[int]] = {}
        for i in have[sizes[have] == size].tolist():
            wanted.setdefault(int(names[i]), []).append(i)
        if not wanted:
            continue
        here = np.flatnonzero(np.isin(so_far, np.array([*wanted], dtype=np.uint64)))
        found: dict[int, set[int]] = {}
        for j, name in zip(passage[here].tolist(), so_far[here].tolist(), strict=True):
            if not (sizes[j] == size and int(names[j]) == name):
                found.setdefault(name, set()).add(j)
        for name, where in found.items():
            for i in wanted[name]:
                named[i] = sorted(where)
    return named
