"""How relevant passages are, by several witnesses: vectors, words, and a scorer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from numbers import Real
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from sift_retrievers.witnesses.evidence import (
    PROBABLY_MISSING,
    chance_by_vectors,
    chance_of_evidence,
)
from sift_retrievers.witnesses.mentions import mentions
from sift_retrievers.witnesses.scorer import Scorer
from sift_retrievers.witnesses.standardized import standardized
from sift_retrievers.witnesses.texts import PassageTexts
from sift_retrievers.witnesses.words import WordScores, read_question, score_terms

Float64: TypeAlias = npt.NDArray[np.float64]

WORD_SCORE_WEIGHTS: Final[Mapping[str, float]] = MappingProxyType(
    {"grams": 0.7, "words": 0.7, "pairs": 0.3, "head_grams": 0.3, "head_words": 0.3}
)
"""Weight of each score of `WordScores` in the relevance by words."""
_WEIGHT_COLUMN: Final = np.array([*WORD_SCORE_WEIGHTS.values()])[:, None]
MENTION_WEIGHT: Final = 2.0
"""Standard deviations of relevance that a mention by the most relevant passage adds."""


@dataclass(frozen=True)
class Witnesses:
    """Which witnesses decide how relevant a passage is, and their weights.

    With z(·) the distance from the mean of the candidates in standard deviations, the relevance is

        ρ = vectors · z(cosine) + scores · z(scorer)
            + words · (0.7 z(BM25 of 4-grams) + 0.7 z(BM25 of words) + 0.3 z(pairs of words)
                       + 0.3 z(BM25 of 4-grams in the head) + 0.3 z(BM25 of words in the head)),

    standardised again. If words have a weight, a passage whose name the most relevant passage
    mentions gets up to 2 more (`mentions`). A score that is the same for all passages, as when no
    word of the question occurs anywhere, has no influence.

    The weights were chosen on one half of the questions of six public corpora; see
    benchmarks/retrieval.

    Raises:
        ValueError: for a weight that is negative or not finite, or weights that are all 0.
    """

    vectors: float = 1.0
    """Weight of the cosine of question and passage."""
    words: float = 1.0
    """Weight of the words that question and passage share; 0: texts are not read."""
    scores: float = 2.0
    """Weight of the scores of `scorer`, or of a reranker that has scored the passages; without
    either it has no influence."""
    scorer: Scorer | None = None
    """A function that scores texts for a question, such as a cross-encoder."""

    def __post_init__(self) -> None:
        for name in ("vectors", "words", "scores"):
            weight = getattr(self, name)
            number = isinstance(weight, Real) and not isinstance(weight, bool)
            if not (number and math.isfinite(weight) and weight >= 0):
                raise ValueError(
                    f"a witness's weight is a finite number of at least 0; got {name}={weight!r}"
                )
        if self.vectors + self.words + self.scores == 0:
            raise ValueError("at least one witness must have a weight above 0; all weights are 0")


NAMED_WITNESSES: Final[Mapping[str, Witnesses]] = MappingProxyType(
    {
        "vectors": Witnesses(words=0.0),
        "words": Witnesses(vectors=0.0),
        "vectors+words": Witnesses(),
    }
)


def as_witnesses(given: Any) -> Witnesses:
    """Witnesses from a name, a scorer, or `Witnesses` themselves.

    Raises:
        ValueError: for an unknown name.
        TypeError: for anything else.
    """
    if isinstance(given, Witnesses):
        return given
    if isinstance(given, str) and given in NAMED_WITNESSES:
        return NAMED_WITNESSES[given]
    if callable(given):
        return Witnesses(scorer=given)
    expected = (
        f"relevance must be one of {[*NAMED_WITNESSES]}, a function (question, texts) → scores, or "
        "Witnesses(…)"
    )
    if isinstance(given, str):
        raise ValueError(f"{expected}; got {given!r}")
    raise TypeError(f"{expected}; got {type(given).__name__}")


@dataclass(frozen=True)
class Relevance:
    """The relevance of n passages for one question."""

    total: Float64
    """`[n]` ρ, in standard deviations among the passages."""
    scores_by_witness: Mapping[str, Float64]
    """The scores that ρ is made of, `[n]` each and not standardised: "cosine", the scores of
    `WordScores`, "mention", and "score" of the scorer."""
    chance: float
    """Estimated probability that the evidence is among the passages, 0 to 1 (see `evidence`)."""
    words: WordScores | None
    """None where words were not compared."""

    @property
    def probably_missing(self) -> bool:
        """Whether the evidence is probably not among the passages."""
        return self.chance < PROBABLY_MISSING


def combine_witnesses(
    cosines: Sequence[npt.ArrayLike] | npt.NDArray[Any],
    questions: Sequence[str | None],
    passages: PassageTexts | None,
    witnesses: Witnesses,
    scores: npt.ArrayLike | None = None,
) -> Relevance:
    """The relevance of n passages, by all witnesses together.

    With several targets, a passage counts by the target to which it is most relevant.

    Args:
        cosines: `[m, n]` of each target to the passages.
        questions: m texts of the targets; None for a target that is only a vector.
        passages: n; None if there are no texts.
        witnesses: their weights.
        scores: `[n]` scores of the scorer; None if there is none.
    """
    terms = [None if text is None else read_question(text) for text in questions]
    given = None if scores is None else np.asarray(scores, dtype=np.float64)
    each = [
        _for_one_target(np.asarray(row, dtype=np.float64), asked, passages, witnesses, given)
        for row, asked in zip(cosines, terms, strict=True)
    ]
    if len(each) == 1:
        return each[0]
    best = np.argmax([one.total for one in each], axis=0)
    names = dict.fromkeys(name for one in each for name in one.scores_by_witness)
    column = np.arange(len(best))
    zeros = np.zeros(len(best))
    by_witness = {
        name: np.array([one.scores_by_witness.get(name, zeros) for one in each])[best, column]
        for name in names
    }
    by_witness["cosine"] = np.max([one.scores_by_witness["cosine"] for one in each], axis=0)
    total = np.max([one.total for one in each], axis=0)
    words = [one.words for one in each if one.words is not None]
    return Relevance(total, by_witness, max(one.chance for one in each), _largest(words))


def _for_one_target(
    cosine: Float64,
    asked: bytes | None,
    passages: PassageTexts | None,
    witnesses: Witnesses,
    scores: Float64 | None,
) -> Relevance:
    by_witness: dict[str, Float64] = {"cosine": cosine}
    near = standardized(cosine)
    raw = witnesses.vectors * near
    if scores is not None:
        by_witness["score"] = scores
        raw = raw + witnesses.scores * standardized(scores, rounding=1e-13)
    words = None
    if witnesses.words > 0 and passages is not None and asked is not None and len(passages):
        words = score_terms(asked, passages)
        by_witness |= {name: getattr(words, name) for name in WORD_SCORE_WEIGHTS}
        by_witness["share"] = words.share
        parts = standardized(np.array([by_witness[name] for name in WORD_SCORE_WEIGHTS]))
        lexical = (_WEIGHT_COLUMN * parts).sum(axis=0)
        raw = raw + witnesses.words * lexical
        chance = chance_of_evidence(cosine, near + lexical, words.gram_share, words.pairs)
    else:
        chance = chance_by_vectors(cosine)
        if witnesses.vectors == 0 and scores is None:  # no witness with a weight has scores
            raw = near
    total = standardized(raw)
    if words is not None and passages is not None:
        by_witness["mention"] = mentions(passages, total)
        total = total + MENTION_WEIGHT * min(witnesses.words, 1.0) * by_witness["mention"]
    return Relevance(total, by_witness, chance, words)


def _largest(scores: Sequence[WordScores]) -> WordScores | None:
    """The largest of each score over several targets; None without any."""
    if len(scores) < 2:
        return scores[0] if scores else None
    names = [one.name for one in fields(WordScores)]
    return WordScores(
        **{name: np.max([getattr(one, name) for one in scores], axis=0) for name in names}
    )
