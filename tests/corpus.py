"""A corpus with known vectors, and a model that looks them up."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import numpy as np
import numpy.typing as npt
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings

Vectors = npt.NDArray[np.float32]


class TableEmbeddings(Embeddings):
    """Looks vectors up in a table, counts the calls, and refuses to embed documents once sealed."""

    def __init__(self, table: dict[str, Vectors]) -> None:
        self.table = table
        self.queried = 0
        self.sealed = False

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        assert not self.sealed, "a retriever must not embed documents"
        return [self.table[text].tolist() for text in texts]

    def embed_query(self, text: str) -> list[float]:
        self.queried += 1
        return [float(value) for value in self.table[text]]


class Corpus:
    """Documents "text 0" …, their vectors (not of unit length), and queries "query 0" …"""

    def __init__(self, count: int = 60, dim: int = 12, queries: int = 5, seed: int = 0) -> None:
        random = np.random.default_rng(seed)
        self.dim = dim
        self.vectors: Vectors = random.normal(size=(count, dim)).astype(np.float32)
        self.vectors[count // 2 :] = self.vectors[: count - count // 2] + (
            random.normal(size=(count - count // 2, dim)) * 0.05
        ).astype(np.float32)  # the second half repeats the first
        self.vectors *= random.uniform(0.5, 2.0, size=(count, 1)).astype(np.float32)
        self.texts = [f"text {i}" for i in range(count)]
        self.metadatas: list[dict[str, Any]] = [
            {"number": i, "parity": "even" if i % 2 == 0 else "odd"} for i in range(count)
        ]
        self.ids = [str(uuid4()) for _ in range(count)]  # no other names suit every store
        self.queries = [f"query {i}" for i in range(queries)]
        table = dict(zip(self.texts, self.vectors, strict=True))
        for i, query in enumerate(self.queries):
            table[query] = self.vectors[i] + random.normal(size=dim).astype(
                np.float32
            ) * np.float32(0.5)
        table["dummy_text"] = np.ones(dim, dtype=np.float32)  # Qdrant asks for the dimension
        self.embeddings = TableEmbeddings(table)

    def query_vector(self, i: int = 0) -> Vectors:
        return self.embeddings.table[self.queries[i]]

    def documents(self) -> list[Document]:
        rows = zip(self.ids, self.texts, self.metadatas, strict=True)
        return [Document(id=i, page_content=t, metadata=dict(m)) for i, t, m in rows]
