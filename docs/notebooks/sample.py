"""What the notebooks share: a sample of MuSiQue, and a small embedding model from a package."""

from __future__ import annotations

import gzip
import json
import logging
import os
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import wordllama
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings

EXAMPLES = Path(__file__).parents[2] / "examples"
FILE = EXAMPLES / "data" / "musique_sample.jsonl.gz"

sys.path.append(str(EXAMPLES))  # its modules are used by some notebooks
# What libraries report while they load.
os.environ["HF_HUB_OFFLINE"] = "1"
warnings.filterwarnings("ignore", message="IProgress not found")
logging.disable(logging.WARNING)


class WordLlama(Embeddings):
    """Static vectors of tokens and their mean, 256 dimensions. Fast on a CPU, and not strong."""

    def __init__(self) -> None:
        folder = Path(wordllama.__file__).parent  # the package brings the weights
        self.model = wordllama.WordLlama.load(cache_dir=folder, disable_download=True)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        vectors: list[list[float]] = self.model.embed(texts, norm=True).tolist()
        return vectors

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


def minilm() -> Embeddings:
    """all-MiniLM-L6-v2, a small transformer, from a package."""
    from minilm import load_minilm
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    model: Embeddings = load_minilm()
    return model


def documents() -> list[Document]:
    """2,000 chunks of Wikipedia; `passage` and `title` are in the metadata."""
    found = []
    for row in _rows("chunk"):
        text = row.pop("text")
        found.append(Document(text, id=f"{row['passage']}:{row['part']}", metadata=row))
    return found


def questions() -> list[dict[str, Any]]:
    """100 questions: `text`, `answer`, and `gold`, the passages that hold the evidence."""
    return _rows("question")


def coverage(found: list[Document], question: dict[str, Any]) -> float:
    """Share of the question's gold passages of which a chunk was found."""
    passages = {document.metadata["passage"] for document in found}
    return len(passages & {*question["gold"]}) / len(question["gold"])


def repeats(found: list[Document]) -> float:
    """Share of the documents whose sentences are largely in one that comes before."""
    words = [{*document.page_content.lower().split()} for document in found]
    again = [
        any(len(words[i] & other) > 0.6 * len(words[i]) for other in words[:i])
        for i in range(len(words))
    ]
    return float(np.mean(again)) if again else 0.0


def _rows(kind: str) -> list[dict[str, Any]]:
    with gzip.open(FILE, "rt", encoding="utf-8") as lines:
        return [row[kind] for row in map(json.loads, lines) if kind in row]
