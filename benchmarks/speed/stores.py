"""Time of a retrieval from real stores: SIFT, the store's similarity search, the store's own MMR.

    make bench-stores   # about 3 minutes; writes benchmarks/speed/results/stores.md

The 2,000 chunks and 100 questions of the demo, all-MiniLM-L6-v2. All methods answer every question
in turn, in one process; quoted are medians over the questions. "With embedding" includes the time
the model takes for the query; "without" looks the query's vector up, which shows what is left when
the model is fast or remote.
"""

from __future__ import annotations

import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import InMemoryVectorStore
from rich.console import Console
from rich.progress import track

from langchain_sift import SIFTRetriever

sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))
from minilm import load_minilm
from musique_sample import embed_cached, load_sample

RESULTS = Path(__file__).parent / "results" / "stores.md"
K, FETCH_K = 10, 200
SEARCH, MMR, SIFT = "similarity_search(k=200)", "store's MMR", "SIFTRetriever"


class KnownDocuments(Embeddings):
    """Vectors of documents from the cache; queries by the model, or from a table."""

    def __init__(self, documents: dict[str, Any], model: Embeddings, table: bool) -> None:
        self.documents, self.model, self.table = documents, model, table
        self.queries: dict[str, list[float]] = {}

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        if not set(texts) <= set(self.documents):  # Qdrant asks for a vector's dimension
            return self.model.embed_documents(texts)
        return [self.documents[text].tolist() for text in texts]

    def embed_query(self, text: str) -> list[float]:
        if not self.table:
            return self.model.embed_query(text)
        if text not in self.queries:
            self.queries[text] = self.model.embed_query(text)
        return self.queries[text]


def faiss(documents: list[Document], embeddings: Embeddings) -> Any:
    from langchain_community.vectorstores import FAISS

    return FAISS.from_documents(documents, embeddings)


def chroma(documents: list[Document], embeddings: Embeddings) -> Any:
    import chromadb
    from langchain_chroma import Chroma

    client = chromadb.EphemeralClient()
    name = f"bench-{time.monotonic_ns()}"
    return Chroma.from_documents(documents, embeddings, client=client, collection_name=name)


def qdrant(documents: list[Document], embeddings: Embeddings) -> Any:
    from langchain_qdrant import QdrantVectorStore

    # Qdrant takes UUIDs as ids.
    unnamed = [Document(page_content=d.page_content, metadata=d.metadata) for d in documents]
    return QdrantVectorStore.from_documents(
        unnamed, embeddings, location=":memory:", collection_name="bench"
    )


def in_memory(documents: list[Document], embeddings: Embeddings) -> Any:
    return InMemoryVectorStore.from_documents(documents, embeddings)


def lancedb(documents: list[Document], embeddings: Embeddings) -> Any:
    import lancedb as package
    from langchain_community.vectorstores import LanceDB

    store = LanceDB(package.connect(tempfile.mkdtemp()), embeddings)
    store.add_texts([d.page_content for d in documents], [d.metadata for d in documents])
    return store


STORES: dict[str, Callable[[list[Document], Embeddings], Any]] = {
    "FAISS": faiss,
    "Chroma": chroma,
    "Qdrant (local)": qdrant,
    "InMemoryVectorStore": in_memory,
    "LanceDB": lancedb,
}


def medians(store: Any, questions: list[str]) -> dict[str, float]:
    """Median milliseconds a question, methods alternating."""
    retriever = SIFTRetriever(store, k=K, fetch_k=FETCH_K)
    methods: dict[str, Callable[[str], Any]] = {
        SEARCH: lambda q: store.similarity_search(q, k=FETCH_K),
        MMR: lambda q: store.max_marginal_relevance_search(q, k=K, fetch_k=FETCH_K),
        SIFT: retriever.invoke,
    }
    times: dict[str, list[float]] = {name: [] for name in methods}
    for turn, question in enumerate([*questions[:5], *questions]):
        names = [*methods]
        start_at = turn % len(names)  # nobody always follows the same neighbour
        for name in names[start_at:] + names[:start_at]:
            start = time.perf_counter()
            methods[name](question)
            if turn >= 5:  # the first few warm up
                times[name].append(time.perf_counter() - start)
    return {name: 1e3 * statistics.median(taken) for name, taken in times.items()}


def main() -> None:
    console = Console()
    documents, asked = load_sample()
    questions = [question.text for question in asked]
    model = load_minilm()
    texts = [document.page_content for document in documents]
    vectors = embed_cached(
        texts, model, "all-MiniLM-L6-v2", lambda starts: track([*starts], "embedding")
    )
    known = dict(zip(texts, np.asarray(vectors), strict=True))
    lines = [
        "# Retrieval from real stores",
        "",
        f"`make bench-stores`, {date.today()}; {platform.machine()}, {torch.get_num_threads()} "
        f"threads, Python {platform.python_version()}. {len(documents)} chunks, "
        f"{len(questions)} questions, k = {K}, fetch_k = {FETCH_K}; median milliseconds.",
    ]
    for title, table in (("With the query's embedding", False), ("Without it", True)):
        lines += ["", f"## {title}", ""]
        lines += [
            f"| store | {SEARCH} | {MMR} | {SIFT} | SIFT / search | SIFT / MMR |",
            "|" + "---|" * 6,
        ]
        for name, build in STORES.items():
            console.print(f"{title}: {name} ...")
            store = build(documents, KnownDocuments(known, model, table))
            took = medians(store, questions)
            lines.append(
                f"| {name} | {took[SEARCH]:.2f} | {took[MMR]:.2f} | {took[SIFT]:.2f} | "
                f"{took[SIFT] / took[SEARCH]:.2f} | {took[SIFT] / took[MMR]:.2f} |"
            )
    RESULTS.write_text("\n".join(lines) + "\n", encoding="utf-8")
    console.print("\n".join(lines), markup=False)


if __name__ == "__main__":
    main()
