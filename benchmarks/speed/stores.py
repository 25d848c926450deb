"""Time of whole retrievals: SIFT over the store's own similarity search, and the store's own MMR.

    make bench-stores   # about 5 minutes; writes benchmarks/speed/results/stores.md
    python benchmarks/speed/stores.py --quick    # two stores, ten questions, prints only

The 2,000 chunks and 100 questions of the demo, all-MiniLM-L6-v2; every chunk goes on with the text
of the next up to 800 characters, under the vector of its own. All methods answer every question in
turn, in one process; quoted are medians over the questions. "Without the query's embedding" looks
its vector up, which shows what is left when the model is fast or remote. "First sight" forgets what
was kept of the passages' texts before every question; "seen before" keeps it.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Final

from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from rich.console import Console
from rich.progress import track

sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))
sys.path.insert(0, str(Path(__file__).parents[2]))
from musique_sample import embed_cached, load_sample

from benchmarks.common.machine import machine
from benchmarks.speed.filled_stores import STORES, KnownTexts
from benchmarks.speed.method import Road
from benchmarks.speed.turns import orders
from langchain_sift import SIFTRetriever
from sift_retrievers import acceleration
from sift_retrievers.witnesses.term_cache import TermCache

RESULTS = Path(__file__).parent / "results" / "stores.md"
MODEL: Final = "all-MiniLM-L6-v2"
PACKAGES: Final = ("numpy", "langchain-core", "faiss-cpu", "chromadb", "qdrant-client", "lancedb")
K, FETCH_K, CHARACTERS = 10, 100, 800
SEARCH, MMR = "similarity_search(k=100)", "store's MMR"
COMPILED, NUMPY, VECTORS = "compiled", "numpy alone", 'relevance="vectors"'
BY_DEFAULT = "fetch_k of 200"
# Of the retriever, without the embedding: times the search's time, or milliseconds more.
GOALS: Final = {"Qdrant (local)": 1.1, "InMemoryVectorStore": 1.1, "Chroma": 1.2}
FAISS_MORE: Final = 0.9

Times = dict[str, float]
"""Median milliseconds of each method."""


class Model(Embeddings):
    """The model of the demo, loaded when it is asked for the first time."""

    loaded: Embeddings | None = None

    def _model(self) -> Embeddings:
        if self.loaded is None:
            from minilm import load_minilm

            self.loaded = load_minilm()
        return self.loaded

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return self._model().embed_documents(texts)

    def embed_query(self, text: str) -> list[float]:
        return self._model().embed_query(text)


def methods(store: Any) -> dict[str, tuple[Callable[[str], Any], Road]]:
    """What answers a question, and the road of it."""
    retriever = SIFTRetriever(store, k=K, fetch_k=FETCH_K)
    compiled = acceleration.compiled() is not None
    found: dict[str, tuple[Callable[[str], Any], Road]] = {
        SEARCH: (lambda q: store.similarity_search(q, k=FETCH_K), nullcontext),
        MMR: (lambda q: store.max_marginal_relevance_search(q, k=K, fetch_k=FETCH_K), nullcontext),
        NUMPY: (retriever.invoke, acceleration.switched_off),
        VECTORS: (
            SIFTRetriever(store, k=K, fetch_k=FETCH_K, relevance="vectors").invoke,
            nullcontext,
        ),
        BY_DEFAULT: (SIFTRetriever(store, k=K).invoke, nullcontext),
    }
    return found | ({COMPILED: (retriever.invoke, nullcontext)} if compiled else {})


def term_caches() -> list[TermCache]:
    """Where the terms of texts are kept in this process."""
    return [one for one in gc.get_objects() if isinstance(one, TermCache)]


def medians(store: Any, questions: list[str], forget: bool) -> Times:
    """Of every method, methods in changing order."""
    answering = methods(store)
    caches = term_caches()
    times: dict[str, list[float]] = {name: [] for name in answering}
    asked = [*questions[:5], *questions]
    for turn, (question, names) in enumerate(
        zip(asked, orders(answering, len(asked)), strict=True)
    ):
        for name in names:
            if forget:
                for cache in caches:
                    cache.clear()
            answer, road = answering[name]
            with road():
                start = time.perf_counter()
                answer(question)
                elapsed = time.perf_counter() - start
            if turn >= 5:  # the first few warm up
                times[name].append(elapsed)
    return {name: 1e3 * statistics.median(taken) for name, taken in times.items()}


def row(name: str, sight: str, took: Times) -> str:
    """Milliseconds; of the retriever its ratio to the search, and what it takes more."""
    search = took[SEARCH]

    def shown(method: str) -> str:
        if method not in took:
            return "not built"
        return f"{took[method]:.2f} ({took[method] / search:.2f}, {took[method] - search:+.2f})"

    cells = [f"{search:.2f}", f"{took[MMR]:.2f}"]
    cells += [shown(method) for method in (COMPILED, NUMPY, VECTORS, BY_DEFAULT)]
    return f"| {name} | {sight} | {' | '.join(cells)} |"


def judged(name: str, sight: str, took: Times) -> str:
    """The line of a store with a goal."""
    if COMPILED not in took:
        return f"| {name}, {sight} | | not measured: the extension is not built |"
    more, ratio = took[COMPILED] - took[SEARCH], took[COMPILED] / took[SEARCH]
    if name in GOALS:
        goal, found, reached = f"≤ {GOALS[name]} ×", f"{ratio:.2f} ×", ratio <= GOALS[name]
    else:
        goal, found, reached = f"≤ + {FAISS_MORE} ms", f"{more:+.2f} ms", more <= FAISS_MORE
    return f"| {name}, {sight} | {goal} | {found if reached else f'**not reached**: {found}'} |"


def sample(model: Embeddings) -> tuple[list[Document], list[str], dict[str, Any]]:
    """Documents, questions, and the vectors of both."""

    def bar(starts: Iterable[int]) -> Iterable[int]:
        return track([*starts], "embedding")

    documents, asked = load_sample()
    questions = [question.text for question in asked]
    texts = [document.page_content for document in documents]
    vectors = embed_cached(texts, model, MODEL, bar)
    for document, following in zip(documents, texts[1:] + texts[:1], strict=True):
        document.page_content = f"{document.page_content} {following}"[:CHARACTERS]
    longer = [document.page_content for document in documents]
    known = dict(zip(longer, vectors, strict=True))
    known |= dict(zip(questions, embed_cached(questions, model, MODEL, bar), strict=True))
    return documents, questions, known


def page(stores: Iterable[str], count: int, embed: bool, console: Console) -> list[str]:
    model = Model()
    documents, questions, known = sample(model)
    asked = questions[:count]
    heading = [
        f"| store | | {SEARCH} | {MMR} | SIFT, {COMPILED} | SIFT, {NUMPY} | SIFT, {VECTORS} | "
        f"SIFT, {BY_DEFAULT} |",
        "|" + "---|" * 8,
    ]
    goals = ["| | goal | found |", "|---|---|---|"]
    tables: list[str] = []
    titles = {"Without the query's embedding": None} | (
        {"With the query's embedding": model} if embed else {}
    )
    for title, asks in titles.items():
        tables += ["", f"## {title}", "", *heading]
        for name in stores:
            console.print(f"{title}: {name} ...")
            store = STORES[name](documents, KnownTexts(known, asks))
            for sight, forget in (("first sight", True), ("seen before", False)):
                took = medians(store, asked, forget)
                tables.append(row(name, sight, took))
                if asks is None and (name in GOALS or name == "FAISS"):
                    goals.append(judged(name, sight, took))
    return [
        "# Retrieval from real stores",
        "",
        f"`make bench-stores` (`python benchmarks/speed/stores.py`) on {machine(PACKAGES)}. "
        f"{len(documents)} chunks, {len(asked)} questions; k = {K} of fetch_k = {FETCH_K}, else "
        "default settings. Median milliseconds; in brackets the ratio to the similarity search and "
        f'the difference. "{VECTORS}" and "{BY_DEFAULT}" are on the faster road that is built.',
        "",
        "## Goals: the compiled road, without the query's embedding",
        "",
        *goals,
        *tables,
    ]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="two stores, prints only")
    arguments = options.parse_args()
    console = Console(stderr=True)
    if arguments.quick:
        lines = page(["FAISS", "InMemoryVectorStore"], 10, embed=False, console=console)
        print("\n".join(lines))
        return
    lines = page(STORES, 100, embed=True, console=console)
    RESULTS.write_text("\n".join(lines) + "\n", encoding="utf-8")
    console.print(f"written to {RESULTS}")


if __name__ == "__main__":
    main()
