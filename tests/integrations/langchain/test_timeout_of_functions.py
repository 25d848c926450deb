"""The time limit holds for the functions of the user, too, and for each query of a batch."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from threading import Event
from typing import Any

import pytest
from corpus import Corpus, TableEmbeddings
from langchain_core.runnables import RunnableLambda, RunnablePassthrough
from store_cases import CASES

from langchain_sift import SIFTCompressor, SIFTRetriever


@pytest.fixture
def memory(corpus: Corpus) -> Any:
    return CASES["InMemory"].filled(corpus)


@pytest.fixture
def go() -> Iterator[Event]:
    """What hangs waits for it."""
    event = Event()
    yield event
    event.set()


def late(stage: str, name: str) -> str:
    return rf"timeout of 0.3 seconds: it was at the stage {stage!r}, waiting for .*{name}"


async def fails_alone(hung: SIFTRetriever, healthy: SIFTRetriever, message: str) -> None:
    """`hung` ends by its timeout; meanwhile the other retriever answers as always."""
    want = healthy.invoke("query 0")
    with pytest.raises(TimeoutError, match=message):
        hung.invoke("query 0")
    waiting = [asyncio.create_task(hung.ainvoke("query 0", timeout=30)) for _ in range(70)]
    await asyncio.sleep(0.1)
    async with asyncio.timeout(10):
        assert await healthy.ainvoke("query 0") == want
    assert healthy.invoke("query 0", timeout=10) == want
    assert not any(task.done() for task in waiting)
    for task in waiting:
        task.cancel()
    await asyncio.wait(waiting)


async def test_a_scorer_that_hangs(memory: Any, go: Event) -> None:
    def judge(question: str, texts: list[str]) -> list[float]:
        go.wait(60)
        return [0.0] * len(texts)

    hung = SIFTRetriever(memory, relevance=judge, timeout=0.3)
    with pytest.raises(TimeoutError, match=late("select", "judge")):
        await hung.ainvoke("query 0")
    with pytest.raises(TimeoutError, match=late("select", "judge")):
        SIFTRetriever(memory).invoke("query 0", relevance=judge, timeout=0.3)
    await fails_alone(hung, SIFTRetriever(memory), late("select", "judge"))


@pytest.mark.parametrize("kind", ["function", "runnable"])
async def test_targets_that_hang(memory: Any, go: Event, kind: str) -> None:
    def questions(query: str) -> list[str]:
        go.wait(60)
        return [query]

    make: Any = questions if kind == "function" else RunnableLambda(questions)
    hung = SIFTRetriever(memory, targets=make, timeout=0.3)
    named = late("targets", "questions" if kind == "function" else "RunnableLambda")
    with pytest.raises(TimeoutError, match=named):
        await hung.ainvoke("query 0")
    await fails_alone(hung, SIFTRetriever(memory), named)


async def test_a_chain_as_targets_that_hangs(memory: Any, go: Event) -> None:
    def questions(query: str) -> list[str]:
        go.wait(60)
        return [query]

    make = RunnablePassthrough() | RunnableLambda(questions)
    hung = SIFTRetriever(memory, targets=make, timeout=0.3)
    with pytest.raises(TimeoutError, match=late("targets", "RunnableSequence")):
        hung.invoke("query 0")
    with pytest.raises(TimeoutError, match=late("targets", "RunnableSequence")):
        await hung.ainvoke("query 0")
    go.set()  # LangChain called the function in a thread for which the event loop waits at its end


async def test_asynchronous_targets_that_hang(memory: Any) -> None:
    async def questions(query: str) -> list[str]:
        await asyncio.sleep(60)
        return [query]

    hung = SIFTRetriever(memory, targets=RunnableLambda(questions), timeout=0.3)
    with pytest.raises(TimeoutError, match=late("targets", "RunnableLambda")):
        await hung.ainvoke("query 0")


async def test_functions_with_time_enough(memory: Any) -> None:
    def judge(question: str, texts: list[str]) -> list[float]:
        return [float(len(text)) for text in texts]

    settings: dict[str, Any] = {"relevance": judge, "targets": lambda query: [query, "query 1"]}
    want = SIFTRetriever(memory, **settings).invoke("query 0")
    limited = SIFTRetriever(memory, **settings, timeout=20)
    assert limited.invoke("query 0") == want
    assert await limited.ainvoke("query 0") == want


async def test_a_cross_encoder_that_hangs(memory: Any, corpus: Corpus, go: Event) -> None:
    def judge(pairs: list[tuple[str, str]]) -> list[float]:
        go.wait(60)
        return [0.0] * len(pairs)

    hung = SIFTCompressor(vectorstore=memory, cross_encoder=judge, timeout=0.3)
    with pytest.raises(TimeoutError, match=late("relevance", "judge")):
        hung.compress_documents(corpus.documents(), "query 0")
    with pytest.raises(TimeoutError, match=late("relevance", "judge")):
        await hung.acompress_documents(corpus.documents(), "query 0")


class Hanging(TableEmbeddings):
    """Writes its calls down, and waits for `go` in the methods whose names are in `hangs`."""

    def __init__(self, corpus: Corpus, go: Event, hangs: set[str]) -> None:
        super().__init__(corpus.embeddings.table)
        self.go, self.hangs = go, hangs
        self.calls: list[str] = []

    def called(self, method: str) -> None:
        self.calls.append(method)
        if method in self.hangs:
            self.go.wait(60)

    def embed_query(self, text: str) -> list[float]:
        self.called("embed_query")
        return super().embed_query(text)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self.called("embed_documents")
        return super().embed_documents(texts)


def batch(retriever: SIFTRetriever, queries: list[str], asynchronous: bool, **given: Any) -> Any:
    if asynchronous:
        return asyncio.run(retriever.abatch(queries, **given))
    return retriever.batch(queries, **given)


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("hangs", ["embed_documents", "embed_query"])
def test_a_batch_whose_model_hangs_has_one_timeout(
    memory: Any, corpus: Corpus, go: Event, hangs: str, asynchronous: bool
) -> None:
    model = Hanging(corpus, go, {hangs})
    retriever = SIFTRetriever(memory, embedding=model, timeout=0.3)
    found = batch(retriever, corpus.queries, asynchronous, return_exceptions=True)
    assert {type(error) for error in found} == {TimeoutError}
    assert all("timeout of 0.3 seconds: it was at the stage 'embed'" in str(e) for e in found)
    assert model.calls.count(hangs) == 1, "after the time was over, the model was called again"


@pytest.mark.parametrize("asynchronous", [False, True])
def test_every_query_of_a_batch_has_the_timeout(
    memory: Any, corpus: Corpus, go: Event, asynchronous: bool
) -> None:
    searched: list[Any] = []

    def search(store: Any, query: Any, fetch_k: int) -> Any:
        searched.append(query)
        go.wait(60)

    retriever = SIFTRetriever(memory, adapter=search)
    config: Any = {"max_concurrency": 2}
    given: dict[str, Any] = {"config": config, "return_exceptions": True, "timeout": 0.3}
    found = batch(retriever, corpus.queries, asynchronous, **given)
    assert {type(error) for error in found} == {TimeoutError}
    assert len(searched) == len(corpus.queries), "a query was given no time of its own"


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_batch_with_time_enough(memory: Any, corpus: Corpus, asynchronous: bool) -> None:
    want = SIFTRetriever(memory).batch(corpus.queries)
    assert batch(SIFTRetriever(memory, timeout=30), corpus.queries, asynchronous) == want
    assert batch(SIFTRetriever(memory), corpus.queries, asynchronous, timeout=30) == want
    field = SIFTRetriever(memory).model_copy(update={"timeout": 30})
    assert batch(field, corpus.queries, asynchronous) == want
