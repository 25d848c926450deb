"""Redundancy by texts: a passage repeats another as far as it has its phrases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from sift_retrievers.acceleration import compiled
from sift_retrievers.coverage import GAMMA, Coverage
from sift_retrievers.witnesses.texts import PassageTexts
from sift_retrievers.witnesses.words import read_question, score_terms

ASIDE: Final = 0.3
"""What a phrase weighs that has no word of the question."""

Float64 = npt.NDArray[np.float64]


def phrase_coverage(
    texts: Sequence[str], question: str | None = None, *, gamma: float = GAMMA, level: float = 1.0
) -> Coverage:
    """The kernel of `select` that sees repetition in the texts.

    The units are phrases: every word with its neighbours, in scripts without spaces four characters
    (`terms`). A passage within another is its repetition, a copy with a line above or other words
    in places is one to a large part, and two passages about one thing in other words are none.
    Phrases around the question's words weigh more: what a passage says *about the question* must
    be new.

    Args:
        texts: of the K candidates.
        question: None: all phrases weigh the same.
        gamma: how much relevance counts, see `Coverage`.
        level: the chance that the best candidate is evidence, see `Coverage`.
    """
    read = PassageTexts.read(texts)
    said = None
    if question is not None:
        said = score_terms(read_question(question), read).word_weights
    return coverage_from_terms(read, said, gamma=gamma, level=level)


def coverage_from_terms(
    passages: PassageTexts, said: Float64 | None, *, gamma: float = GAMMA, level: float
) -> Coverage:
    """The same from texts that were read before.

    Args:
        passages: K.
        said: of all words of all passages, one after the other: what each weighs that the question
            has, 0 for others (`WordScores.word_weights`).
        gamma: as above.
        level: as above.
    """
    native = compiled()
    if native is not None:
        found = native.phrases(passages.blocks, said, ASIDE)
        units, sizes = np.frombuffer(found[0], np.uint64), np.frombuffer(found[1], np.intp)
        weights = None if said is None else np.frombuffer(found[2])
        return Coverage(units, sizes, weights, gamma=gamma, level=level)
    terms = passages.joined
    weights = None if said is None else _weights(said, terms.word_counts, terms.phrase_counts)
    return Coverage(terms.phrases, terms.phrase_counts, weights, gamma=gamma, level=level)


def _weights(said: Float64, words: npt.NDArray[np.intp], phrases: npt.NDArray[np.intp]) -> Float64:
    """`ASIDE` plus the largest weight of a phrase's three words, for all phrases."""
    largest = said.copy()
    inside = np.ones(max(len(said) - 1, 0), dtype=np.bool_)
    inside[np.cumsum(words[words > 0])[:-1] - 1] = False
    right, left = np.where(inside, said[1:], 0.0), np.where(inside, said[:-1], 0.0)
    np.maximum(largest[:-1], right, out=largest[:-1])
    np.maximum(largest[1:], left, out=largest[1:])
    wordless = np.flatnonzero((words == 0) & (phrases > 0))  # the only phrase is the text itself
    at = (np.cumsum(words) - words)[wordless]
    weights: Float64 = ASIDE + np.insert(largest, at, 0.0)
    assert len(weights) == phrases.sum()
    return weights
