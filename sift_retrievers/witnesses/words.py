"""How well passages match the words of a question: BM25 computed among the candidates.

No index and no corpus statistics are needed. Document frequencies are counted among the candidates
of the question, where equal texts count once. For ranking candidates these are more useful than
frequencies in the whole corpus: a term that all candidates contain cannot tell them apart.

BM25: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009),
eq. 3.15, with k₁ = 2 and b = 0.75; the weight of a term is log(1 + (n − df + ½) / (df + ½)).
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

LONGEST_QUESTION: Final = 10_000  # characters that are read; the rest is ignored
K1: Final = 2.0
B: Final = 0.75


@dataclass(frozen=True)
class WordScores:
    """Scores of n passages for one question; `[n]` each and not negative, unless it says so."""

    grams: Float64
    """BM25 of the question's character 4-grams."""
    words: Float64
    """BM25 of its words."""
    pairs: Float64
    """Share of its pairs of neighbouring words that are also neighbours in a passage, weighted by
    rarity: 0 to 1."""
    head_grams: Float64
    """As `grams`, in the head of a passage: its first line, which may be its title."""
    head_words: Float64
    """As `words`, in the head."""
    share: Float64
    """Share of its words that a passage contains, weighted by rarity: 0 to 1."""
    gram_share: Float64
    """As `share`, for its character 4-grams."""
    word_weights: Float64
    """One a word of all passages, passage after passage: the weight of the word if it is one of the
    question's, else 0."""


@dataclass(frozen=True)
class _Occurrences:
    """Where the terms of a question occur in n passages; one entry an occurrence."""

    passage: Integers
    """Which passage."""
    term: Integers
    """Which of the question's distinct terms."""
    place: Integers
    """Position among the terms of all passages, passage after passage."""
    lengths: Integers
    """`[n]` number of terms of each passage."""
    terms: int
    """Number of distinct terms of the question."""

    def counts(self, which: npt.NDArray[np.bool_] | slice = slice(None)) -> Float64:
        """`[n, terms]` how often each term occurs in each passage, by all or some occurrences."""
        n = len(self.lengths)
        cells = self.passage[which] * self.terms + self.term[which]
        flat = np.bincount(cells, minlength=n * self.terms)
        return flat.reshape(n, self.terms).astype(np.float64)


# The scores in the order of the compiled function's result.
_ROWS: Final = ("grams", "words", "pairs", "head_grams", "head_words", "share", "gram_share")


def score_words(
    question: str, texts: Sequence[str], *, cache: TermCache | None = None
) -> WordScores:
    """Score n texts by the words of a question; takes about a millisecond for a hundred passages.

    Compares words, character 4-grams and pairs of words, in any language (see `terms`). A text
    without a term of the question scores 0 everywhere, and so does every text for a question
    without words.

    Args:
        question: the query's text; its first 10,000 characters are read.
        texts: n; the first 100,000 characters of each are read.
        cache: where terms of texts are looked up and kept.

    Raises:
        TypeError: if the question or a text is not a string.
    """
    for text in (question, *texts):
        if not isinstance(text, str):
            raise TypeError(
                f"the question and the texts must be strings; got {type(text).__name__}"
            )
    read = PassageTexts.read(texts, cache=cache)
    return score_terms(read_question(question), read)


def read_question(question: str) -> bytes:
    """The terms of the first 10,000 characters of a question, as a block (see `terms`)."""
    return read_blocks([question[:LONGEST_QUESTION]])[0]


def score_terms(asked: bytes, passages: PassageTexts) -> WordScores:
    """As `score_words`, from terms that are read already.

    Args:
        asked: the terms of the question, from `read_question`.
        passages: n.
    """
    native = compiled()
    if native is None:
        return score_arrays(Terms(asked), passages)
    scores, word_weights = map(
        np.frombuffer, native.score_terms(asked, passages.blocks, passages.first_of_equal)
    )
    rows = dict(zip(_ROWS, scores.reshape(len(_ROWS), len(passages)), strict=True))
    return WordScores(**rows, word_weights=word_weights)


def score_arrays(asked: Terms, passages: PassageTexts) -> WordScores:
    """`score_terms` in numpy, for where the compiled function is not available."""
    found, distinct = passages.arrays, np.frombuffer(passages.first_of_equal, dtype=np.bool_)
    lengths = found.word_counts
    in_words = _find(asked.words, found.words, lengths)
    counts = in_words.counts()
    weight = _weights(counts, distinct)

    pair_lengths = np.maximum(lengths - 1, 0)
    in_pairs = _find(_pairs(asked.words), _pairs_of(found.words, lengths), pair_lengths)
    pairs = in_pairs.counts()

    in_grams = _find(asked.grams, found.grams, found.gram_counts)
    gram_counts = in_grams.counts()
    gram_weight = _weights(gram_counts, distinct)

    word_weights = np.zeros(len(found.words))
    word_weights[in_words.place] = weight[in_words.term]
    return WordScores(
        grams=_bm25(gram_counts, gram_weight, found.gram_counts),
        words=_bm25(counts, weight, lengths),
        pairs=_share(pairs, _weights(pairs, distinct)),
        head_grams=_bm25(_head_counts(in_grams, found.head_grams), gram_weight, found.head_grams),
        head_words=_bm25(_head_counts(in_words, found.head_words), weight, found.head_words),
        share=_share(counts, weight),
        gram_share=_share(gram_counts, gram_weight),
        word_weights=word_weights,
    )


def _share(counts: Float64, weight: Float64) -> Float64:
    """`[n]` the weights of the terms that occur in a passage, as a share of all weights: 0 to 1."""
    total = float(weight.sum())
    if total <= 0:
        return np.zeros(len(counts))
    share: Float64 = np.where(counts > 0, weight, 0.0).sum(axis=1) / total
    return share


def _bm25(counts: Float64, weight: Float64, lengths: Integers) -> Float64:
    """`[n]` scores from counts `[n, terms]`, weights `[terms]` and lengths `[n]`.

    The terms of every passage are summed in the same order, so that equal texts get exactly equal
    scores. A matrix product does not guarantee that.
    """
    mean = max(float(lengths.mean()), 1e-9) if len(lengths) else 1.0
    norm = K1 * (1 - B + B * lengths[:, None] / mean)
    score: Float64 = (weight * (counts * (K1 + 1) / (counts + norm))).sum(axis=1)
    return score


def _weights(counts: Float64, distinct: npt.NDArray[np.bool_]) -> Float64:
    """`[terms]` log(1 + (n − df + ½) / (df + ½)), counted among the passages marked `distinct`."""
    frequency = (counts[distinct] > 0).sum(axis=0)
    n = int(distinct.sum())
    weight: Float64 = np.log(1 + (n - frequency + 0.5) / (frequency + 0.5))
    return weight


def _find(asked: Hashes, hashes: Hashes, lengths: Integers) -> _Occurrences:
    """The occurrences of the terms `asked` among the terms `hashes` of n passages."""
    asked = np.unique(asked)
    if len(asked) == 0 or len(hashes) == 0:
        nothing = np.empty(0, dtype=np.intp)
        return _Occurrences(nothing, nothing, nothing, lengths, len(asked))
    # Most terms are not the question's; a table by 16 bits of the hash rules most of them out.
    table = np.zeros(2**16, dtype=np.bool_)
    table[(asked >> np.uint64(48)).astype(np.intp)] = True
    # mode="clip" is the fastest; no index is out of range.
    place = np.flatnonzero(table.take((hashes >> np.uint64(48)).astype(np.intp), mode="clip"))
    term = np.searchsorted(asked, hashes[place]).clip(max=len(asked) - 1)
    same = asked[term] == hashes[place]
    place, term = place[same], term[same]
    passage = np.searchsorted(np.cumsum(lengths), place, side="right")
    return _Occurrences(passage, term, place, lengths, len(asked))


def _head_counts(found: _Occurrences, head: Integers) -> Float64:
    """`[n, terms]` occurrences among the first `head[i]` terms of passage i."""
    starts = np.cumsum(found.lengths) - found.lengths
    return found.counts(found.place - starts[found.passage] < head[found.passage])


def _pairs(words: Hashes) -> Hashes:
    return combined(words[:-1], words[1:])


def _pairs_of(words: Hashes, lengths: Integers) -> Hashes:
    """The pairs of neighbouring words in all passages; no pair spans two passages."""
    ends = np.cumsum(lengths[lengths > 0])[:-1]
    inside = np.ones(max(len(words) - 1, 0), dtype=np.bool_)
    inside[ends - 1] = False
    return _pairs(words)[inside]
