"""What the retrievers of all frameworks share: from the hits of a store to the chosen passages.

Nothing here depends on a framework. A document may be an object of any type.
"""

from sift_retrievers.retrieval.embedding_cache import EmbeddingCache
from sift_retrievers.retrieval.explanation import Explanation
from sift_retrievers.retrieval.hits import Hits
from sift_retrievers.retrieval.retrieval import Pick, Retrieval, retrieve
from sift_retrievers.retrieval.rules import SelectionRules
from sift_retrievers.retrieval.stores import StoredVector, StoreReader
from sift_retrievers.retrieval.target import Target

__all__ = [
    "EmbeddingCache",
    "Explanation",
    "Hits",
    "Pick",
    "Retrieval",
    "SelectionRules",
    "StoreReader",
    "StoredVector",
    "Target",
    "retrieve",
]
