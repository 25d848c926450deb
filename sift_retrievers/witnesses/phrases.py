"""Repetition by texts: a passage repeats another to the extent that they share phrases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from sift_retrievers.acceleration import compiled
from sift_retrievers.coverage import GAMMA, Coverage
from sift_retrievers.witnesses.texts import PassageTexts
from sift_retrievers.witnesses.words import read_question, score_terms

BASE_WEIGHT: Final = 0.3
"""Weight of a phrase without a word of the question."""

Float64 = npt.NDArray[np.float64]


def phrase_coverage(
    texts: Sequence[str], question: str | None = None, *, gamma: float = GAMMA, level: float = 1.0
) -> Coverage:
    """A kernel for `select` that finds repetition in the texts of the candidates.

    The units of the `Coverage` are phrases: every word with its two neighbours; in scripts without
    spaces, four characters (see `terms`). A passage that is contained in another repeats it
    completely. A copy with an added line or some changed words repeats it largely. Two passages
    that say the same in different words do not repeat each other. Phrases with words of the
    question have larger weights, so what a passage says about the question must be new.

    Args:
        texts: K, of the candidates.
        question: the query's text; None: all phrases have the same weight.
        gamma: how much relevance counts against novelty, see `Coverage`.
        level: the probability that the most relevant candidate is evidence, see `Coverage`.

    Raises:
        TypeError: for a text that is neither a string nor None, or a single string.
    """
    read = PassageTexts.read(texts)
    word_weights = None
    if question is not None:
        word_weights = score_terms(read_question(question), read).word_weights
    return coverage_from_terms(read, word_weights, gamma=gamma, level=level)


def coverage_from_terms(
    passages: PassageTexts, word_weights: Float64 | None, *, gamma: float = GAMMA, level: float
) -> Coverage:
    """As `phrase_coverage`, from terms that are read already.

    Args:
        passages: K.
        word_weights: one a word of all passages, passage after passage: its weight if it is a word
            of the question, else 0 (`WordScores.word_weights`). None: all phrases have the same
            weight.
        gamma: as `phrase_coverage`.
        level: as `phrase_coverage`.
    """
    native = compiled()
    if native is not None:
        found = native.phrases(passages.blocks, word_weights, BASE_WEIGHT)
        units, sizes = np.frombuffer(found[0], np.uint64), np.frombuffer(found[1], np.intp)
        weights = None if word_weights is None else np.frombuffer(found[2])
        return Coverage(units, sizes, weights, gamma=gamma, level=level)
    terms = passages.arrays
    weights = None
    if word_weights is not None:
        weights = _phrase_weights(word_weights, terms.word_counts, terms.phrase_counts)
    return Coverage(terms.phrases, terms.phrase_counts, weights, gamma=gamma, level=level)


def _phrase_weights(
    word_weights: Float64, words: npt.NDArray[np.intp], phrases: npt.NDArray[np.intp]
) -> Float64:
    """The weight of every phrase: `BASE_WEIGHT` plus the largest weight of its three words.

    Args:
        word_weights: of all words of all passages.
        words: `[K]` number of words of each passage.
        phrases: `[K]` number of phrases of each passage.
    """
    largest = word_weights.copy()
    inside = np.ones(max(len(word_weights) - 1, 0), dtype=np.bool_)
    inside[np.cumsum(words[words > 0])[:-1] - 1] = False
    right, left = np.where(inside, word_weights[1:], 0.0), np.where(inside, word_weights[:-1], 0.0)
    np.maximum(largest[:-1], right, out=largest[:-1])
    np.maximum(largest[1:], left, out=largest[1:])
    wordless = np.flatnonzero((words == 0) & (phrases > 0))  # one phrase: the text itself
    at = (np.cumsum(words) - words)[wordless]
    weights: Float64 = BASE_WEIGHT + np.insert(largest, at, 0.0)
    assert len(weights) == phrases.sum()
    return weights
