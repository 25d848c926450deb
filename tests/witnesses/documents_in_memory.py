"""A store in memory with real passages, and the rules that all promises are checked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np
from real_texts import real_texts

from sift_retrievers import Cosine, RelevanceWeighted, SharedNoise
from sift_retrievers.retrieval import (
    PHRASES,
    Hits,
    Retrieval,
    SelectionRules,
    Target,
    title_of,
)
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

    def ask(self, question: str, k: int = 5, *, fetch: int = 100, **options: Any) -> Retrieval[Doc]:
        """The `fetch` nearest documents, from which k are chosen."""
        given = {
            name: options.pop(name)
            for name in ("parent", "scores", "targets", "ids", "load")
            if name in options
        }
        targets = given.pop("targets", [Target(embedded(question), question)])
        # Not a matrix product: BLAS may warn of what it finds beside a small matrix in memory.
        order = np.argsort(-np.vecdot(self.unit, targets[0].vector), kind="stable")[:fetch]
        hits = Hits(
            self.vectors[order],
            given.pop("ids", [str(i) for i in order]),
            document=lambda i: self.documents[order[i]],
            load=given.pop("load", None),
        )
        title = title_of(None)
        return Retrieval(
            query=question,
            targets=targets,
            hits=hits,
            k=k,
            rules=SelectionRules(**options),
            text=lambda document: document.text,
            title=lambda document: title(document, document.metadata),
            **given,
        )


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
