"""What the retrievers of all frameworks share: from a store's hits to the passages that are chosen.

Knows no framework: a document is whatever the framework calls one.
"""

from sift_retrievers.retrieval.copying import deep_copied
from sift_retrievers.retrieval.embedding_cache import EmbeddingCache
from sift_retrievers.retrieval.explanation import ConsideredPassage, Explanation
from sift_retrievers.retrieval.hits import Hits, check_hits, no_hits, stacked
from sift_retrievers.retrieval.registry import ReaderRegistry
from sift_retrievers.retrieval.retrieval import Pick, Retrieval, retrieve
from sift_retrievers.retrieval.rules import SelectionRules
from sift_retrievers.retrieval.stores import StoredVector, StoreReader, check_search_kwargs
from sift_retrievers.retrieval.target import Target, TargetLike, as_targets, checked_vector
from sift_retrievers.retrieval.union import union
from sift_retrievers.retrieval.work import (
    SELECTION,
    Direct,
    OnLoop,
    Work,
    checked_timeout,
    finished,
    native,
)

__all__ = [
    "SELECTION",
    "ConsideredPassage",
    "Direct",
    "EmbeddingCache",
    "Explanation",
    "Hits",
    "OnLoop",
    "Pick",
    "ReaderRegistry",
    "Retrieval",
    "SelectionRules",
    "StoreReader",
    "StoredVector",
    "Target",
    "TargetLike",
    "Work",
    "as_targets",
    "check_hits",
    "check_search_kwargs",
    "checked_timeout",
    "checked_vector",
    "deep_copied",
    "finished",
    "native",
    "no_hits",
    "retrieve",
    "stacked",
    "union",
]
