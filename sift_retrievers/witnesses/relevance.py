"""How relevant passages are, by several witnesses: their vectors, their words, and other judges."""

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

PARTS: Final[Mapping[str, float]] = MappingProxyType(
    {"grams": 0.7, "words": 0.7, "pairs": 0.3, "head_grams": 0.3, "head_words": 0.3}
)
"""What each score of `WordScores` weighs within the witness of words."""
_PART_WEIGHTS: Final = np.array([*PARTS.values()])[:, None]
NAMED: Final = 2.0  # standard deviations that a mention by the best passage is worth


@dataclass(frozen=True)
class Witnesses:
    """Who is heard about a passage's relevance, and how much each counts.

    With z(·) the distance from the mean of the candidates in standard deviations,

        ρ = vectors · z(cosine) + scores · z(judge)
            + words · (0.7 z(BM25 of 4-grams) + 0.7 z(BM25 of words) + 0.3 z(pairs of words)
                       + 0.3 z(BM25 of 4-grams in the head) + 0.3 z(BM25 of words in the head)),

    brought to standard deviation 1, and, where words are heard, 2 more for a passage that the best
    one names (`mentions`), less for one that a less relevant passage names. Whoever says the same
    of all passages (no word of the question occurs anywhere, say) is not heard.

    The weights were chosen on one half of the questions of six public corpora; see
    benchmarks/retrieval.

    Raises:
        ValueError: for a weight that is negative or not finite, or weights that are all 0.
    """

    vectors: float = 1.0
    """Of the cosine of question and passage."""
    words: float = 1.0
    """Of the words that they have in common; 0: texts are not read."""
    scores: float = 2.0
    """Of `judge`, or of a reranker whose scores come along; without either nobody is heard here."""
    scorer: Scorer | None = None
    """A further witness, a cross-encoder say."""

    def __post_init__(self) -> None:
        heard = {"vectors": self.vectors, "words": self.words, "scores": self.scores}
        for name, weight in heard.items():
            number = isinstance(weight, Real) and not isinstance(weight, bool)
            if not (number and math.isfinite(weight) and weight >= 0):
                raise ValueError(
                    f"a witness's weight is a finite number of at least 0; got {name}={weight!r}"
                )
        if self.vectors + self.words + self.scores == 0:
            raise ValueError("at least one witness must be heard; all weights are 0")


NAMED_WITNESSES: Final[Mapping[str, Witnesses]] = MappingProxyType(
    {
        "vectors": Witnesses(words=0.0),
        "words": Witnesses(vectors=0.0),
        "vectors+words": Witnesses(),
    }
)


def as_witnesses(given: Any) -> Witnesses:
    """The witnesses behind a name, a judge, or witnesses as they are.

    Raises:
        ValueError: for a name that is not known.
        TypeError: for anything else.
    """
    if isinstance(given, Witnesses):
        return given
    if isinstance(given, str):
        if given in NAMED_WITNESSES:
            return NAMED_WITNESSES[given]
        came: object = repr(given)
    elif callable(given):
        return Witnesses(scorer=given)
    else:
        came = type(given).__name__
    error = ValueError if isinstance(given, str) else TypeError
    raise error(
        f"relevance must be one of {[*NAMED_WITNESSES]}, a function (question, texts) → scores, or "
        f"Witnesses(…); got {came}"
    )


@dataclass(frozen=True)
class Relevance:
    """What was found out about n passages for one question."""

    total: Float64
    """`[n]` ρ, in standard deviations among the candidates."""
    scores_by_witness: Mapping[str, Float64]
    """What each witness said, by name; `[n]` each: "cosine", the scores of `WordScores`, "mention",
    "score" of the judge. As they came, not standardised."""
    chance: float
    """That the evidence is among the passages, as far as the witnesses tell: 0…1 (`evidence`)."""
    words: WordScores | None
    """None where words were not heard."""

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
    """Hear all witnesses about n passages.

    With several targets a passage is as relevant as it is to the one that it suits best.

    Args:
        cosines: `[m, n]` of each target to the passages.
        questions: m texts of the targets; None for a target that is a vector alone.
        passages: n; None where there are no texts.
        witnesses: who is heard.
        scores: `[n]` what the judge said.
    """
    terms = [None if text is None else read_question(text) for text in questions]
    judged = None if scores is None else np.asarray(scores, dtype=np.float64)
    each = [
        _of_one(np.asarray(row, dtype=np.float64), asked, passages, witnesses, judged)
        for row, asked in zip(cosines, terms, strict=True)
    ]
    if len(each) == 1:
        return each[0]
    best = np.argmax([one.total for one in each], axis=0)
    names = dict.fromkeys(name for one in each for name in one.scores_by_witness)
    column = np.arange(len(best))
    nothing = np.zeros(len(best))
    said = {
        name: np.array([one.scores_by_witness.get(name, nothing) for one in each])[best, column]
        for name in names
    }
    said["cosine"] = np.max([one.scores_by_witness["cosine"] for one in each], axis=0)
    total = np.max([one.total for one in each], axis=0)
    heard = [one.words for one in each if one.words is not None]
    return Relevance(total, said, max(one.chance for one in each), _loudest(heard))


def _of_one(
    cosine: Float64,
    asked: bytes | None,
    passages: PassageTexts | None,
    witnesses: Witnesses,
    scores: Float64 | None,
) -> Relevance:
    said: dict[str, Float64] = {"cosine": cosine}
    near = standardized(cosine)
    raw = witnesses.vectors * near
    if scores is not None:
        said["score"] = scores
        raw = raw + witnesses.scores * standardized(scores, rounding=1e-13)
    words = None
    if witnesses.words > 0 and passages is not None and asked is not None and len(passages):
        words = score_terms(asked, passages)
        said |= {name: getattr(words, name) for name in PARTS}
        said["share"] = words.share
        parts = standardized(np.array([said[name] for name in PARTS]))
        lexical = (_PART_WEIGHTS * parts).sum(axis=0)
        raw = raw + witnesses.words * lexical
        chance = chance_of_evidence(cosine, near + lexical, words.gram_share, words.pairs)
    else:
        chance = chance_by_vectors(cosine)
        if witnesses.vectors == 0 and scores is None:  # nobody else can say anything
            raw = near
    total = standardized(raw)
    if words is not None and passages is not None:
        said["mention"] = mentions(passages, total)
        total = total + NAMED * min(witnesses.words, 1.0) * said["mention"]
    return Relevance(total, said, chance, words)


def _loudest(heard: Sequence[WordScores]) -> WordScores | None:
    """What the words of several targets say: of each score the largest."""
    if len(heard) < 2:
        return heard[0] if heard else None
    names = [one.name for one in fields(WordScores)]
    return WordScores(
        **{name: np.max([getattr(one, name) for one in heard], axis=0) for name in names}
    )
