"""What the words of a question say of passages: BM25 among the passages of one question.

No index and no statistics of a corpus: how rare a term is, is counted among the passages at hand,
equal texts once. Among the nearest neighbours of a question that tells more than the frequency in
the whole corpus does: a term that all of them have cannot tell them apart.

BM25: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009),
eq. 3.15, with k₁ = 2 and b = 0.75 and log(1 + (n − df + ½) / (df + ½)) for the weight of a term.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from sift_retrievers.acceleration import compiled
from sift_retrievers.witnesses.reading import read_blocks
from sift_retrievers.witnesses.term_cache import TermCache
from sift_retrievers.witnesses.terms import Hashes, Terms, combined
from sift_retrievers.witnesses.texts import Integers, PassageTexts

Float64: TypeAlias = npt.NDArray[np.float64]

LONGEST_QUESTION: Final = 10_000  # characters that are read; what follows is not
K1: Final = 2.0
B: Final = 0.75


@dataclass(frozen=True)
class WordScores:
    """What was counted for one question in n passages; each score `[n]`, not negative."""

    grams: Float64
    """BM25 of the question's character 4-grams."""
    words: Float64
    """BM25 of its words."""
    pairs: Float64
    """Share of its pairs of neighbouring words that stand in a passage so: 0…1."""
    head_grams: Float64
    """As `grams`, in the head of a passage: its title, or its first line."""
    head_words: Float64
    """As `words`, in the head."""
    share: Float64
    """Share of its words that a passage has, rare ones weighing more: 0…1."""
    gram_share: Float64
    """As `share`, of its character 4-grams."""
    word_weights: Float64
    """Of all words of all passages, one after the other: the weight of a word that the question has
    too, 0 of others."""


@dataclass(frozen=True)
class _Found:
    """Where the terms of a question occur in n passages."""

    passage: Integers
    term: Integers
    """Position among the question's distinct terms."""
    place: Integers
    """Position in all passages' terms, one after the other."""
    lengths: Integers
    """`[n]` terms of each passage."""
    terms: int
    """Distinct terms of the question."""

    def counts(self, of: npt.NDArray[np.bool_] | slice = slice(None)) -> Float64:
        """`[n, terms]` how often each occurs, or some of the occurrences."""
        n = len(self.lengths)
        flat = np.bincount(self.passage[of] * self.terms + self.term[of], minlength=n * self.terms)
        return flat.reshape(n, self.terms).astype(np.float64)


# The scores in the order in which the compiled function gives them.
_ROWS: Final = ("grams", "words", "pairs", "head_grams", "head_words", "share", "gram_share")


def score_words(
    question: str, texts: Sequence[str], *, cache: TermCache | None = None
) -> WordScores:
    """Score n texts by the words of a question, in about a millisecond for a hundred passages.

    Words, 4-grams of characters and pairs of words, in any language (`terms`); the first line of a
    text, at most 80 characters of it, is its head. A text without a term of the question, or an
    empty one, has 0 everywhere, and so has every text for a question without words.

    Args:
        question: what is asked; its first 10,000 characters are read.
        texts: n; of each the first 100,000 characters are read.
        cache: keeps the terms of texts for the next question.

    Raises:
        TypeError: if the question or a text is no string.
    """
    for text in (question, *texts):
        if not isinstance(text, str):
            raise TypeError(
                f"the question and the texts must be strings; got {type(text).__name__}"
            )
    read = PassageTexts.read(texts, cache=cache)
    return score_terms(read_question(question), read)


def read_question(question: str) -> bytes:
    """The terms of a question, as a block; of its first 10,000 characters."""
    return read_blocks([question[:LONGEST_QUESTION]])[0]


def score_terms(asked: bytes, passages: PassageTexts) -> WordScores:
    """The same from terms that were read before, those of the question in one block."""
    native = compiled()
    if native is None:
        return score_arrays(Terms(asked), passages)
    scores, word_weights = map(
        np.frombuffer, native.score_terms(asked, passages.blocks, passages.once)
    )
    rows = dict(zip(_ROWS, scores.reshape(len(_ROWS), len(passages)), strict=True))
    return WordScores(**rows, word_weights=word_weights)


def score_arrays(asked: Terms, passages: PassageTexts) -> WordScores:
    """The same by numpy."""
    found, once = passages.joined, np.frombuffer(passages.once, dtype=np.bool_)
    lengths = found.word_counts
    in_words = _find(asked.words, found.words, lengths)
    counts = in_words.counts()
    weight = _weights(counts, once)

    pair_lengths = np.maximum(lengths - 1, 0)
    in_pairs = _find(_pairs(asked.words), _pairs_of(found.words, lengths), pair_lengths)
    pairs = in_pairs.counts()

    in_grams = _find(asked.grams, found.grams, found.gram_counts)
    gram_counts = in_grams.counts()
    gram_weight = _weights(gram_counts, once)

    word_weights = np.zeros(len(found.words))
    word_weights[in_words.place] = weight[in_words.term]
    return WordScores(
        grams=_bm25(gram_counts, gram_weight, found.gram_counts),
        words=_bm25(counts, weight, lengths),
        pairs=_share(pairs, _weights(pairs, once)),
        head_grams=_bm25(_in_head(in_grams, found.head_grams), gram_weight, found.head_grams),
        head_words=_bm25(_in_head(in_words, found.head_words), weight, found.head_words),
        share=_share(counts, weight),
        gram_share=_share(gram_counts, gram_weight),
        word_weights=word_weights,
    )


def _share(counts: Float64, weight: Float64) -> Float64:
    """`[n]` the share of the weight of all terms that those have which occur: 0…1."""
    total = float(weight.sum())
    if total <= 0:
        return np.zeros(len(counts))
    share: Float64 = np.where(counts > 0, weight, 0.0).sum(axis=1) / total
    return share


def _bm25(counts: Float64, weight: Float64, lengths: Integers) -> Float64:
    """`[n]` from counts `[n, terms]`, weights `[terms]` and lengths `[n]`.

    Each row is summed by itself, in one order: copies of one text have the very same score, which
    a matrix product does not promise.
    """
    mean = max(float(lengths.mean()), 1e-9) if len(lengths) else 1.0
    norm = K1 * (1 - B + B * lengths[:, None] / mean)
    score: Float64 = (weight * (counts * (K1 + 1) / (counts + norm))).sum(axis=1)
    return score


def _weights(counts: Float64, once: npt.NDArray[np.bool_]) -> Float64:
    """`[terms]` log(1 + (n − df + ½) / (df + ½)), df counted in the passages `once`."""
    frequency = (counts[once] > 0).sum(axis=0)
    n = int(once.sum())
    weight: Float64 = np.log(1 + (n - frequency + 0.5) / (frequency + 0.5))
    return weight


def _find(asked: Hashes, hashes: Hashes, lengths: Integers) -> _Found:
    """Occurrences of the terms `asked` among the terms of n passages, one after the other."""
    asked = np.unique(asked)
    if len(asked) == 0 or len(hashes) == 0:
        nothing = np.empty(0, dtype=np.intp)
        return _Found(nothing, nothing, nothing, lengths, len(asked))
    # Few terms are the question's; 16 of their bits tell most others from them at once.
    table = np.zeros(2**16, dtype=np.bool_)
    table[(asked >> np.uint64(48)).astype(np.intp)] = True
    # The fastest of numpy's ways to look up; none is outside.
    place = np.flatnonzero(table.take((hashes >> np.uint64(48)).astype(np.intp), mode="clip"))
    term = np.searchsorted(asked, hashes[place]).clip(max=len(asked) - 1)
    same = asked[term] == hashes[place]
    place, term = place[same], term[same]
    passage = np.searchsorted(np.cumsum(lengths), place, side="right")
    return _Found(passage, term, place, lengths, len(asked))


def _in_head(found: _Found, head: Integers) -> Float64:
    """Counts of the occurrences in the first `head` `[n]` terms of each passage."""
    starts = np.cumsum(found.lengths) - found.lengths
    return found.counts(found.place - starts[found.passage] < head[found.passage])


def _pairs(words: Hashes) -> Hashes:
    return combined(words[:-1], words[1:])


def _pairs_of(words: Hashes, lengths: Integers) -> Hashes:
    """The pairs of neighbours in all passages, none across two passages."""
    ends = np.cumsum(lengths[lengths > 0])[:-1]
    inside = np.ones(max(len(words) - 1, 0), dtype=np.bool_)
    inside[ends - 1] = False
    return _pairs(words)[inside]
