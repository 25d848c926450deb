"""What the retrievers of all frameworks share: from a store's hits to the passages that are chosen.

Knows no framework: a document is whatever the framework calls one.
"""

from sift_retrievers.retrieval.choice import Choice
from sift_retrievers.retrieval.choosing import choose
from sift_retrievers.retrieval.copying import deep_copied
from sift_retrievers.retrieval.cosines import cosines
from sift_retrievers.retrieval.embedding_cache import EmbeddingCache
from sift_retrievers.retrieval.explanation import ConsideredPassage, Explanation, explain
from sift_retrievers.retrieval.hits import Hits, check_hits, no_hits, one_of, stacked, union
from sift_retrievers.retrieval.numbers import pick_numbers
from sift_retrievers.retrieval.registry import AdapterRegistry
from sift_retrievers.retrieval.retrieval import Retrieval
from sift_retrievers.retrieval.rules import (
    DEFAULT_RELEVANCE,
    PHRASES,
    RetrieverKernel,
    SelectionRules,
    default_lambda,
    default_objective,
)
from sift_retrievers.retrieval.target import Target, TargetLike, as_targets, checked_vector
from sift_retrievers.retrieval.titles import TITLE_KEYS, TitleOf, title_of, titles_in

__all__ = [
    "DEFAULT_RELEVANCE",
    "PHRASES",
    "TITLE_KEYS",
    "AdapterRegistry",
    "Choice",
    "ConsideredPassage",
    "EmbeddingCache",
    "Explanation",
    "Hits",
    "Retrieval",
    "RetrieverKernel",
    "SelectionRules",
    "Target",
    "TargetLike",
    "TitleOf",
    "as_targets",
    "check_hits",
    "checked_vector",
    "choose",
    "cosines",
    "deep_copied",
    "default_lambda",
    "default_objective",
    "explain",
    "no_hits",
    "one_of",
    "pick_numbers",
    "stacked",
    "title_of",
    "titles_in",
    "union",
]
