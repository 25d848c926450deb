"""Who says that a passage is relevant, and that it repeats another: vectors, words, and judges.

numpy alone; nothing is downloaded.
"""

from sift_retrievers.witnesses.phrases import coverage_of, phrase_coverage
from sift_retrievers.witnesses.relevance import (
    NAMES,
    Judge,
    Relevance,
    Witnesses,
    as_witnesses,
    join,
)
from sift_retrievers.witnesses.term_cache import TermCache
from sift_retrievers.witnesses.texts import PassageTexts
from sift_retrievers.witnesses.words import WordScores, score_words

__all__ = [
    "NAMES",
    "Judge",
    "PassageTexts",
    "Relevance",
    "TermCache",
    "Witnesses",
    "WordScores",
    "as_witnesses",
    "coverage_of",
    "join",
    "phrase_coverage",
    "score_words",
]
