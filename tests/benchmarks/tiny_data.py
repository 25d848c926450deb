"""A made-up data folder, and a model that counts words."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

CORPUS = [
    {
        "id": "town",
        "title": "Broken Bow",
        "text": "Broken Bow is a town. It was founded in 1882. It has a mill. The mill is old.",
    },
    {"id": "river", "title": "", "text": "The river is long."},
    {"id": "mirror", "title": "", "text": "The river is long."},
    {"id": "empty", "title": "Nothing", "text": " \n"},
    {"id": "hills", "title": "Hills", "text": "There are hills. Dr. J. Smith climbed them."},
]
QUERIES = [
    {"id": "q1", "text": "When was Broken Bow founded, and how long is the river?"},
    {"id": "q2", "text": "Who climbed the hills?"},
    {"id": "unjudged", "text": "Why?"},
]
QRELS = [
    {"query_id": "q1", "doc_id": "town", "facet": "1882"},
    {"query_id": "q1", "doc_id": "river", "facet": "long"},
    {"query_id": "q2", "doc_id": "hills"},
]
Rows = list[dict[str, Any]]


def write_set(
    folder: Path, corpus: Rows = CORPUS, queries: Rows = QUERIES, qrels: Rows = QRELS
) -> None:
    """The three files of a set."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in (("corpus", corpus), ("queries", queries), ("qrels", qrels)):
        with gzip.open(folder / f"{name}.jsonl.gz", "wt", encoding="utf-8") as file:
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


class CountingModel:
    """Texts to unit vectors: hashed words; it remembers what it was asked."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    def __call__(self, texts: list[str]) -> npt.NDArray[np.float32]:
        self.calls.append(texts)
        vectors = np.zeros((len(texts), 64), dtype=np.float32)
        for vector, text in zip(vectors, texts, strict=True):
            for word in text.lower().split():
                vector[sum(word.encode()) % 64] += 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
