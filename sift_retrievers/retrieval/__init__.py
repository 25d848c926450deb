"""What the retrievers of all frameworks share: from a store's hits to the passages that are chosen.

Knows no framework: a document is whatever the framework calls one.
"""

from sift_retrievers.retrieval.choosing import Choice, choose, cosines
from sift_retrievers.retrieval.embedding_cache import EmbeddingCache
from sift_retrievers.retrieval.explanation import ConsideredPassage, Explanation, explain
from sift_retrievers.retrieval.hits import Hits, check_hits, no_hits, one_of, stacked, union
from sift_retrievers.retrieval.registry import AdapterRegistry

__all__ = [
    "AdapterRegistry",
    "Choice",
    "ConsideredPassage",
    "EmbeddingCache",
    "Explanation",
    "Hits",
    "check_hits",
    "choose",
    "cosines",
    "explain",
    "no_hits",
    "one_of",
    "stacked",
    "union",
]
