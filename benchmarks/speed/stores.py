"""Time of a retrieval from real stores: SIFT, the store's similarity search, the store's own MMR.

    make bench-stores   # about 3 minutes; writes benchmarks/speed/results/stores.md

The 2,000 chunks and 100 questions of the demo, all-MiniLM-L6-v2; every chunk goes on with the text
of the next up to 800 characters, under the vector of its own. All methods answer every question in
turn, in one process; quoted are medians over the questions. "With embedding" includes the time the
model takes for the query; "without" looks the query's vector up, which shows what is left when the
model is fast or remote. The first round meets every passage for the first time, the second finds
the terms of its words kept.
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
from sift_retrievers.retrieval.retrieval import TERMS

sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))
from minilm import load_minilm
from musique_sample import embed_cached, load_sample

RESULTS = Path(__file__).parent / "results" / "stores.md"
K, FETCH_K, CHARACTERS = 10, 100, 800
SEARCH, MMR, SIFT = "similarity_search(k=100)", "store's MMR", "SIFTRetriever"
VECTORS = 'relevance="vectors"'


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
        VECTORS: SIFTRetriever(store, k=K, fetch_k=FETCH_K, relevance="vectors").invoke,
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


def forget_terms() -> None:
    """As in a process that has read none of the passages."""
    TERMS.clear()


def main() -> None:
    console = Console()
    documents, asked = load_sample()
    questions = [question.text for question in asked]
    model = load_minilm()
    texts = [document.page_content for document in documents]
    vectors = embed_cached(
        texts, model, "all-MiniLM-L6-v2", lambda starts: track([*starts], "embedding")
    )
    for document, following in zip(documents, texts[1:] + texts[:1], strict=True):
        document.page_content = f"{document.page_content} {following}"[:CHARACTERS]
    texts = [document.page_content for document in documents]
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
            f"| store | round | {SEARCH} | {MMR} | {SIFT} | {VECTORS} | "
            "SIFT / search | SIFT / MMR |",
            "|" + "---|" * 8,
        ]
        for name, build in STORES.items():
            console.print(f"{title}: {name} ...")
            store = build(documents, KnownDocuments(known, model, table))
            for turn in ("first", "second"):
                if turn == "first":
                    forget_terms()
                took = medians(store, questions)
                cells = [f"{took[one]:.2f}" for one in (SEARCH, MMR, SIFT, VECTORS)]
                cells += [f"{took[SIFT] / took[one]:.2f}" for one in (SEARCH, MMR)]
                lines.append(f"| {name} | {turn} | {' | '.join(cells)} |")
    RESULTS.write_text("\n".join(lines) + "\n", encoding="utf-8")
    console.print("\n".join(lines), markup=False)


if __name__ == "__main__":
    main()
