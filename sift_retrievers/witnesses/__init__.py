"""How relevant passages are, and how much they repeat each other: by vectors, words and scorers.

Needs only numpy; nothing is downloaded.
"""

from sift_retrievers.witnesses.phrases import phrase_coverage
from sift_retrievers.witnesses.relevance import Relevance, Witnesses
from sift_retrievers.witnesses.scorer import Scorer
from sift_retrievers.witnesses.words import score_words

__all__ = ["Relevance", "Scorer", "Witnesses", "phrase_coverage", "score_words"]
