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

from sift_retrievers.witnesses.term_cache import TermCache
from sift_retrievers.witnesses.terms import Hashes, Terms, combined, read_terms
from sift_retrievers.witnesses.texts import PassageTexts

Float64: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.intp]

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
    """Summed weights of those of its pairs of neighbouring words that stand in a passage so."""
    head_grams: Float64
    """As `grams`, in the head of a passage: its title, or its first line."""
    head_words: Float64
    """As `words`, in the head."""
    share: Float64
    """Share of the question's words that a passage has, rare ones weighing more: 0…1."""
    gram_share: Float64
    """As `share`, of the question's character 4-grams."""
    pair_share: Float64
    """As `share`, of its pairs of neighbouring words."""
    said: Float64
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
    return score_terms(read_question(question), read.terms, read.once)


def read_question(question: str) -> Terms:
    """The terms of a question; of its first 10,000 characters."""
    return read_terms([question[:LONGEST_QUESTION]])[0]


def score_terms(asked: Terms, found: Sequence[Terms], once: Sequence[int]) -> WordScores:
    """The same from terms that were read before.

    Args:
        asked: of the question.
        found: of n passages.
        once: positions of the passages that frequencies are counted in: equal texts once.
    """
    words = _joined([terms.words for terms in found])
    lengths = _lengths([terms.words for terms in found])
    in_words = _find(asked.words, words, lengths)
    counts = in_words.counts()
    weight = _weights(counts, once)

    pair_lengths = np.maximum(lengths - 1, 0)
    in_pairs = _find(_pairs(asked.words), _pairs_of(words, lengths), pair_lengths)
    pairs = in_pairs.counts()
    pair_weight = _weights(pairs, once)

    grams = _joined([terms.grams for terms in found])
    in_grams = _find(asked.grams, grams, _lengths([terms.grams for terms in found]))
    gram_counts = in_grams.counts()
    gram_weight = _weights(gram_counts, once)

    head_words = np.array([terms.head_words for terms in found], dtype=np.intp)
    head_grams = np.array([terms.head_grams for terms in found], dtype=np.intp)
    said = np.zeros(len(words))
    said[in_words.place] = weight[in_words.term]
    return WordScores(
        grams=_bm25(gram_counts, gram_weight, in_grams.lengths),
        words=_bm25(counts, weight, lengths),
        pairs=(pairs > 0) @ pair_weight,
        head_grams=_bm25(_in_head(in_grams, head_grams), gram_weight, head_grams),
        head_words=_bm25(_in_head(in_words, head_words), weight, head_words),
        share=_share(counts, weight),
        gram_share=_share(gram_counts, gram_weight),
        pair_share=_share(pairs, pair_weight),
        said=said,
    )


def _share(counts: Float64, weight: Float64) -> Float64:
    """`[n]` the share of the weight of all terms that those have which occur: 0…1."""
    total = float(weight.sum())
    return (counts > 0) @ weight / total if total > 0 else np.zeros(len(counts))


def _bm25(counts: Float64, weight: Float64, lengths: Integers) -> Float64:
    """`[n]` from counts `[n, terms]`, weights `[terms]` and lengths `[n]`."""
    mean = max(float(lengths.mean()), 1e-9) if len(lengths) else 1.0
    norm = K1 * (1 - B + B * lengths[:, None] / mean)
    score: Float64 = (counts * (K1 + 1) / (counts + norm)) @ weight
    return score


def _weights(counts: Float64, once: Sequence[int]) -> Float64:
    """`[terms]` log(1 + (n − df + ½) / (df + ½)), df counted in the passages `once`."""
    frequency = (counts[[*once]] > 0).sum(axis=0)
    weight: Float64 = np.log(1 + (len(once) - frequency + 0.5) / (frequency + 0.5))
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
    place = np.flatnonzero(table[(hashes >> np.uint64(48)).astype(np.uint16)])
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


def _joined(parts: Sequence[Hashes]) -> Hashes:
    return np.concatenate(parts) if len(parts) else np.empty(0, dtype=np.uint64)


def _lengths(parts: Sequence[Hashes]) -> Integers:
    return np.array([len(part) for part in parts], dtype=np.intp)
