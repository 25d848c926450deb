"""Every store that runs without a server, filled with known vectors; their test corpus."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import InMemoryVectorStore

Vectors = npt.NDArray[np.float32]


class TableEmbeddings(Embeddings):
    """Looks vectors up in a table, counts the calls, and refuses to embed documents once sealed."""

    def __init__(self, table: dict[str, Vectors]) -> None:
        self.table = table
        self.queries = 0
        self.sealed = False

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        assert not self.sealed, "a retriever must not embed documents"
        return [self.table[text].tolist() for text in texts]

    def embed_query(self, text: str) -> list[float]:
        self.queries += 1
        return [float(value) for value in self.table[text]]


class Corpus:
    """Documents "text 0" …, their vectors (not of unit length), and queries "query 0" …"""

    def __init__(self, count: int = 60, dim: int = 12, queries: int = 5, seed: int = 0) -> None:
        random = np.random.default_rng(seed)
        self.vectors: Vectors = random.normal(size=(count, dim)).astype(np.float32)
        self.vectors[count // 2 :] = self.vectors[: count - count // 2] + (
            random.normal(size=(count - count // 2, dim)) * 0.05
        ).astype(np.float32)  # the second half repeats the first
        self.vectors *= random.uniform(0.5, 2.0, size=(count, 1)).astype(np.float32)
        self.texts = [f"text {i}" for i in range(count)]
        self.metadatas: list[dict[str, Any]] = [
            {"number": i, "parity": "even" if i % 2 == 0 else "odd"} for i in range(count)
        ]
        self.ids = [f"id-{i}" for i in range(count)]
        self.queries = [f"query {i}" for i in range(queries)]
        table = dict(zip(self.texts, self.vectors, strict=True))
        for i, query in enumerate(self.queries):
            table[query] = self.vectors[i] + random.normal(size=dim).astype(
                np.float32
            ) * np.float32(0.5)
        self.embeddings = TableEmbeddings(table)

    def query_vector(self, i: int = 0) -> Vectors:
        return self.embeddings.table[self.queries[i]]

    def documents(self) -> list[Document]:
        rows = zip(self.ids, self.texts, self.metadatas, strict=True)
        return [Document(id=i, page_content=t, metadata=dict(m)) for i, t, m in rows]


def in_memory(corpus: Corpus) -> Any:
    store = InMemoryVectorStore(corpus.embeddings)
    if corpus.texts:
        store.add_documents(corpus.documents())
    return store


def faiss(corpus: Corpus, *, index: str = "Flat", inner_product: bool = False) -> Any:
    faiss_module = pytest.importorskip("faiss")
    community = pytest.importorskip("langchain_community.vectorstores")
    docstore = pytest.importorskip("langchain_community.docstore.in_memory")
    dim = corpus.embeddings.table[corpus.queries[0]].shape[0]
    metric = faiss_module.METRIC_INNER_PRODUCT if inner_product else faiss_module.METRIC_L2
    built = faiss_module.index_factory(dim, index, metric)
    if not built.is_trained:
        built.train(corpus.vectors)
    store = community.FAISS(corpus.embeddings, built, docstore.InMemoryDocstore(), {})
    if corpus.texts:
        store.add_documents(corpus.documents(), ids=corpus.ids)
    return store


def chroma(corpus: Corpus, *, space: str = "l2") -> Any:
    chromadb = pytest.importorskip("chromadb")
    package = pytest.importorskip("langchain_chroma")
    store = package.Chroma(
        collection_name=f"test-{uuid.uuid4().hex}",
        embedding_function=corpus.embeddings,
        client=chromadb.EphemeralClient(),
        collection_configuration={"hnsw": {"space": space}},
    )
    if corpus.texts:
        store.add_documents(corpus.documents(), ids=corpus.ids)
    return store


BUILDERS: dict[str, Callable[[Corpus], Any]] = {
    "InMemory": in_memory,
    "FAISS": faiss,
    "FAISS inner product": lambda corpus: faiss(corpus, inner_product=True),
    "FAISS HNSW": lambda corpus: faiss(corpus, index="HNSW32"),
    "Chroma": chroma,
    "Chroma cosine": lambda corpus: chroma(corpus, space="cosine"),
    "Chroma inner product": lambda corpus: chroma(corpus, space="ip"),
}

FILTERS: dict[str, dict[str, Any]] = {
    "InMemory": {"filter": lambda document: document.metadata["parity"] == "even"},
    "FAISS": {"filter": {"parity": "even"}},
    "Chroma": {"filter": {"parity": "even"}},
}
