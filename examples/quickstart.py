"""Similarity search, MMR, hybrid search and SIFT side by side on real passages; SIFT in a chain.

python examples/quickstart.py                       # or: make demo
python examples/quickstart.py --model BAAI/bge-small-en-v1.5 --questions 5
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from functools import partial
from typing import TypeAlias, TypeVar

from bm25 import BM25Retriever
from langchain_classic.retrievers import EnsembleRetriever
from langchain_core.documents import Document
from langchain_core.language_models import FakeListChatModel
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable, RunnablePassthrough
from langchain_core.vectorstores import InMemoryVectorStore
from minilm import load_minilm
from musique_sample import (
    CachedEmbeddings,
    Question,
    coverage,
    load_sample,
    share_sentences,
)
from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.progress import track
from rich.table import Table

from langchain_sift import SIFTRetriever, calibrate

Step = TypeVar("Step")
Retriever: TypeAlias = Runnable[str, list[Document]]
K = 4
FETCH_K = 200


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--model", help="embedding model: a hub name or a folder")
    options.add_argument("--questions", type=int, default=3, help="questions to show in full")
    arguments = options.parse_args()

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=150)

    store, questions = build_store(console, arguments.model)
    retrievers: dict[str, Retriever] = {
        "similarity search": store.as_retriever(search_kwargs={"k": K}),
        "MMR (LangChain)": store.as_retriever(
            search_type="mmr", search_kwargs={"k": K, "fetch_k": FETCH_K}
        ),
        "hybrid: BM25 + vectors": hybrid(store, load_sample()[0]),
        "SIFT": SIFTRetriever(store, k=K, fetch_k=FETCH_K),
    }
    for question in questions[: arguments.questions]:
        show_question(console, question, retrievers)
    tuned = {"k": K, "fetch_k": FETCH_K, "lambda_mult": 0.9}
    others: dict[str, Retriever] = {
        "MMR, lambda_mult = 0.9": store.as_retriever(search_type="mmr", search_kwargs=tuned),
        'SIFT, relevance="vectors"': SIFTRetriever(
            store, k=K, fetch_k=FETCH_K, relevance="vectors"
        ),
    }
    show_coverage(console, questions, {**retrievers, **others})
    show_calibration(console, store, questions)
    show_chain(console, questions[0], retrievers["SIFT"])


def hybrid(store: InMemoryVectorStore, documents: list[Document]) -> Retriever:
    """What engineers switch on first: reciprocal rank fusion of BM25 and similarity search.

    It needs the whole corpus for its index of words.
    """
    by_words = BM25Retriever(documents=documents, k=FETCH_K)
    by_vectors = store.as_retriever(search_kwargs={"k": FETCH_K})
    fused = EnsembleRetriever(retrievers=[by_words, by_vectors], weights=[0.5, 0.5])
    return fused | (lambda documents: documents[:K])


def build_store(console: Console, model: str | None) -> tuple[InMemoryVectorStore, list[Question]]:
    documents, questions = load_sample()
    if not console.is_terminal:
        console.print(f"Embedding {len(documents)} chunks, unless an earlier run has done it …")
    progress = partial(bar, console, f"Embedding {len(documents)} chunks (once)")
    embeddings = CachedEmbeddings(load_minilm(model), model or "all-MiniLM-L6-v2", progress)
    store = InMemoryVectorStore(embeddings)
    store.add_documents(documents)
    passages = len({document.metadata["passage"] for document in documents})
    console.print(
        f"[bold]{len(documents)} overlapping chunks[/] of {passages} Wikipedia passages (MuSiQue, "
        f"CC BY 4.0), {len(questions)} questions that each need 2 to 4 passages. "
        f"k = {K} of the {FETCH_K} nearest.\n"
    )
    return store, questions


def bar(console: Console, description: str, steps: Iterable[Step]) -> Iterable[Step]:
    """A progress bar in a terminal, nothing when piped."""
    silent = not console.is_terminal
    return track(steps, description=description, console=console, transient=True, disable=silent)


def show_question(console: Console, question: Question, retrievers: dict[str, Retriever]) -> None:
    found = {name: retriever.invoke(question.text) for name, retriever in retrievers.items()}
    table = Table(title=f"[bold]{escape(question.text)}[/]", show_lines=True, expand=True)
    for name, documents in found.items():
        share = coverage(documents, question)
        table.add_column(f"{name}: {share:.0%} of the evidence", ratio=1)
    for rank in range(K):
        table.add_row(*(describe(documents, rank, question) for documents in found.values()))
    console.print(table)
    console.print()


def describe(documents: list[Document], rank: int, question: Question) -> str:
    if rank >= len(documents):
        return ""
    document = documents[rank]
    marks = []
    if document.metadata["passage"] in question.gold:
        marks.append("[bold green]★ gold evidence[/]")
    repeated = [i + 1 for i in range(rank) if share_sentences(documents[i], document)]
    if repeated:
        marks.append(f"[bold red]↺ repeats {', '.join(map(str, repeated))}[/]")
    if "sift" in document.metadata:
        said = document.metadata["sift"]
        marks.append(
            f"[cyan]gain {said['information_gain']:.2f} nats, {said['novelty']:.0%} new, "
            f"{said['word_share']:.0%} of the question's words[/]"
        )
    text = escape(shorten(document.page_content, 170))
    head = f"{rank + 1}. [bold]{escape(document.metadata['title'])}[/]"
    return "\n".join([head, *marks, f"[dim]{text}[/]"])


def shorten(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1].rsplit(" ", 1)[0] + " …"


def show_coverage(
    console: Console, questions: list[Question], retrievers: dict[str, Retriever]
) -> None:
    table = Table(title=f"All {len(questions)} questions, k = {K}")
    table.add_column("retriever")
    table.add_column("evidence coverage", justify="right")
    table.add_column("passages that repeat an earlier one", justify="right")
    for name, retriever in retrievers.items():
        covered, repeats, total = 0.0, 0, 0
        for question in bar(console, f"{name:22}", questions):
            documents = retriever.invoke(question.text)
            covered += coverage(documents, question)
            total += len(documents)
            repeats += sum(
                any(share_sentences(earlier, document) for earlier in documents[:i])
                for i, document in enumerate(documents)
            )
        table.add_row(name, f"{covered / len(questions):.3f}", f"{repeats / total:.0%}")
    console.print(table)
    console.print(
        "Evidence coverage: share of a question's gold passages of which a chunk is among the k.\n"
    )


def show_calibration(
    console: Console, store: InMemoryVectorStore, questions: list[Question]
) -> None:
    half = len(questions) // 2
    if half < 20:  # too few to compare configurations
        return
    seen, others = questions[:half], questions[half:]
    calibration = calibrate(
        store,
        [question.text for question in seen],
        [question.gold for question in seen],
        passage="passage",
        cutoffs=(K,),
        progress=False,
    )
    console.print(f"[bold]calibrate[/] on the first {half} questions and their gold passages:\n")
    console.print(escape(str(calibration)), soft_wrap=True)
    found = [
        sum(
            coverage(
                SIFTRetriever(store, k=K, fetch_k=FETCH_K, **configuration.arguments).invoke(
                    q.text
                ),
                q,
            )
            for q in others
        )
        / len(others)
        for configuration in (calibration.default, calibration.chosen)
    ]
    console.print(
        f"\nOn the other {len(others)} questions: default {found[0]:.3f}, "
        f"calibrated {found[1]:.3f}.\n"
    )


def show_chain(console: Console, question: Question, retriever: Retriever) -> None:
    def format_documents(documents: list[Document]) -> str:
        return "\n\n".join(f"[{i}] {d.page_content}" for i, d in enumerate(documents, start=1))

    prompt = ChatPromptTemplate.from_template(
        "Answer the question from these passages only.\n\n{context}\n\nQuestion: {question}"
    )
    model = FakeListChatModel(responses=["(a fake chat model: your own model would answer here)"])
    given = {"context": retriever | format_documents, "question": RunnablePassthrough()} | prompt
    chain = given | model | StrOutputParser()

    body = escape(given.invoke(question.text).to_string())
    console.print(Panel(body, title="The same retriever in an LCEL chain: what the model is given"))
    console.print(f"FakeListChatModel answers: {chain.invoke(question.text)}")
    console.print(f"The data set's answer: [bold]{escape(question.answer[0])}[/]")


if __name__ == "__main__":
    main()
