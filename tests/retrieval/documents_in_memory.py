"""A store in memory with real passages, and the rules that all promises are checked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np
from real_texts import real_texts

from sift_retrievers import Cosine, RelevanceWeighted, SharedNoise
from sift_retrievers.retrieval import Hits, Retrieval, SelectionRules, Target, retrieve
from sift_retrievers.retrieval.rules import PHRASES
from sift_retrievers.witnesses import Witnesses


@dataclass
class Doc:
    text: Any
    metadata: Any = None


def embedded(text: str) -> Any:
    """Sums of random vectors of the words: texts that share words are near, if only somewhat."""
    words = [word.strip(".,?()\"'").lower() for word in text.split()]
    total = np.zeros(96)
    for word in words:
        if len(word) > 3 or not word.isalpha():
            total += np.random.default_rng(crc32(word.encode("utf-8", "replace"))).normal(size=96)
    return (total if total.any() else np.eye(96)[0]).astype(np.float32)


class Store:
    def __init__(self, documents: list[Doc], vectors: Any = None) -> None:
        self.documents = documents
        self.vectors = (
            np.stack([embedded(d.text) for d in documents]) if vectors is None else vectors
        )
        self.unit = self.vectors / np.maximum(
            np.linalg.norm(self.vectors, axis=1, keepdims=True), 1e-30
        )

    def ask(
        self,
        question: str,
        k: int = 5,
        *,
        fetch: int = 100,
        targets: list[Target] | None = None,
        ids: list[str | None] | None = None,
        scores: Any = None,
        **rules: Any,
    ) -> Retrieval[Doc]:
        """The `fetch` nearest documents, from which k are chosen."""
        targets = targets or [Target(embedded(question), question)]
        # Not a matrix product: BLAS may warn of what it finds beside a small matrix in memory.
        order = np.argsort(-np.vecdot(self.unit, targets[0].vector), kind="stable")[:fetch]
        found = [self.documents[i] for i in order]
        hits = Hits(
            self.vectors[order],
            [str(i) for i in order] if ids is None else ids,
            [document.text or "" for document in found],
            [document.metadata for document in found],
            found.__getitem__,
        )
        return retrieve(question, targets, hits, k, SelectionRules(**rules), scores)


def numbers_of(retrieval: Retrieval[Any]) -> list[dict[str, Any]]:
    """The numbers of every pick."""
    return [pick.numbers() for pick in retrieval.picks]


class Columns:
    """The picks as arrays."""

    def __init__(self, retrieval: Retrieval[Any]) -> None:
        picks = retrieval.picks
        self.positions = np.array([pick.position for pick in picks], dtype=np.int64)
        self.gains = np.array([pick.information_gain for pick in picks])
        self.novelty = np.array([pick.novelty for pick in picks])
        self.scores = np.array([pick.relevance_score for pick in picks])
        self.uncertainty = retrieval.uncertainty
        self.stop_reason = retrieval.stop_reason


def documents_of(retrieval: Retrieval[Doc]) -> list[Doc]:
    return [pick.document for pick in retrieval.picks]


PASSAGES, _ = real_texts()
REAL = Store([Doc(text, {"title": title}) for title, text in PASSAGES[:400]])

EVERY_RULE: list[dict[str, Any]] = [
    {},
    {"relevance": "vectors"},
    {"relevance": "words"},
    {"relevance": "vectors", "kernel": PHRASES},
    {"kernel": RelevanceWeighted(0.3, Cosine())},
    {"kernel": "cosine"},
    {"kernel": "cosine", "objective": "undirected"},
    {"kernel": "cosine", "objective": "entropy"},
    {"kernel": "linear"},
    {"kernel": "linear", "objective": "undirected"},
    {"kernel": "exponential"},
    {"kernel": SharedNoise(), "objective": "undirected"},
    {"objective": "variance"},
    {"kernel": "relevance", "objective": "entropy"},
    {"kernel": "cosine", "replacement": True, "lambda_": 0.01},
    {"lambda_": 1e-6},
    {"lambda_": 1e6},
    {"kernel": "cosine", "lambda_": 1e-8},
    {"relevance": Witnesses(scorer=lambda question, texts: [len(text) for text in texts])},
]
