"""The sample of MuSiQue in `data/`: overlapping chunks of Wikipedia passages, and questions."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings

SAMPLE = Path(__file__).parent / "data" / "musique_sample.jsonl.gz"
CACHE = Path(__file__).parent.parent / ".cache"
SENTENCES_PER_CHUNK = 3


@dataclass(frozen=True)
class Question:
    """A question whose answer needs several passages."""

    text: str
    answer: list[str]
    gold: frozenset[str]
    """Passages that hold the evidence."""


def load_sample() -> tuple[list[Document], list[Question]]:
    """Chunks as documents (`passage`, `part`, `title` in the metadata), and questions."""
    documents, questions = [], []
    with gzip.open(SAMPLE, "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            if "chunk" in row:
                chunk = row["chunk"]
                text = chunk.pop("text")
                name = f"{chunk['passage']}:{chunk['part']}"
                documents.append(Document(id=name, page_content=text, metadata=chunk))
            else:
                asked = row["question"]
                gold = frozenset(asked["gold"])
                questions.append(Question(text=asked["text"], answer=asked["answer"], gold=gold))
    return documents, questions


def share_sentences(a: Document, b: Document) -> bool:
    """Whether two chunks are overlapping windows of one passage."""
    same = a.metadata["passage"] == b.metadata["passage"]
    return same and abs(a.metadata["part"] - b.metadata["part"]) < SENTENCES_PER_CHUNK


def coverage(found: Iterable[Document], question: Question) -> float:
    """Share of the question's gold passages of which at least one chunk was found."""
    passages = {document.metadata["passage"] for document in found}
    return len(passages & question.gold) / len(question.gold)


def embed_cached(
    texts: list[str],
    embeddings: Embeddings,
    model: str,
    progress: Callable[[Iterable[int]], Iterable[int]],
) -> npt.NDArray[np.float32]:
    """Embed the texts in batches, or read them from the cache: `[n, d]`.

    Args:
        texts: what to embed.
        embeddings: the model.
        model: its name; the cache is keyed by it and by the texts.
        progress: wraps the range of batch starts, to draw a progress bar.
    """
    key = hashlib.sha256(json.dumps([model, texts]).encode()).hexdigest()[:16]
    file = CACHE / f"embeddings-{key}.npy"
    if file.exists():
        cached: npt.NDArray[np.float32] = np.load(file)
        return cached
    batch = 100
    vectors = np.concatenate(
        [
            np.asarray(embeddings.embed_documents(texts[start : start + batch]), dtype=np.float32)
            for start in progress(range(0, len(texts), batch))
        ]
    )
    CACHE.mkdir(exist_ok=True)
    partial = file.with_suffix(".partial.npy")
    np.save(partial, vectors)
    partial.replace(file)  # a run that is interrupted leaves no half-written cache
    return vectors


@dataclass(frozen=True, eq=False)
class CachedEmbeddings(Embeddings):
    """A model whose vectors of lists of documents are kept in a file for the next run."""

    model: Embeddings
    name: str
    progress: Callable[[Iterable[int]], Iterable[int]]

    def embed_query(self, text: str) -> list[float]:
        return self.model.embed_query(text)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        vectors: list[list[float]] = embed_cached(
            texts, self.model, self.name, self.progress
        ).tolist()
        return vectors
