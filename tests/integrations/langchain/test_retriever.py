"""The LangChain contract of `SIFTRetriever`."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any
from uuid import uuid4

import pytest
from corpus import Corpus, TableEmbeddings
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import Document
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import ConfigurableField, RunnablePassthrough
from langchain_core.vectorstores import InMemoryVectorStore

from langchain_sift import SIFTRetriever
from sift_retrievers.retrieval.rules import PHRASES


@pytest.fixture(params=["InMemory", "FAISS", "Chroma", "Qdrant L2", "PGVectorStore"])
def store_name(request: pytest.FixtureRequest) -> str:
    """The contract does not depend on the store; a few of different kinds stand for all."""
    return str(request.param)


def ids(documents: list[Document]) -> list[str | None]:
    return [document.id for document in documents]


def test_call_time_k_and_fetch_k(store: Any, corpus: Corpus) -> None:
    retriever = SIFTRetriever(store, lambda_=0.1)
    assert len(retriever.invoke(corpus.queries[0])) == 4
    assert len(retriever.invoke(corpus.queries[0], k=2)) == 2
    expected = SIFTRetriever(store, lambda_=0.1, k=7, fetch_k=9).invoke(corpus.queries[0])
    assert ids(retriever.invoke(corpus.queries[0], k=7, fetch_k=9)) == ids(expected)


async def test_async_gives_the_same(store: Any, corpus: Corpus) -> None:
    retriever = SIFTRetriever(store, lambda_=0.1)
    for query in corpus.queries:
        assert await retriever.ainvoke(query) == retriever.invoke(query)
        assert await retriever.ainvoke(query, k=2, fetch_k=9) == retriever.invoke(
            query, k=2, fetch_k=9
        )


class SlowStore(InMemoryVectorStore):
    """A subclass, as users write them, whose search takes its time."""

    thread: int | None = None

    def _similarity_search_with_score_by_vector(self, *args: Any, **kwargs: Any) -> Any:
        self.thread = threading.get_ident()
        time.sleep(0.3)
        return super()._similarity_search_with_score_by_vector(*args, **kwargs)


class AsyncOnlyEmbeddings(TableEmbeddings):
    """Fails when the synchronous method is called."""

    async def aembed_query(self, text: str) -> list[float]:
        await asyncio.sleep(0)
        return super().embed_query(text)

    def embed_query(self, text: str) -> list[float]:
        raise AssertionError("the asynchronous path must use aembed_query")


async def test_async_does_not_block_the_loop(corpus: Corpus) -> None:
    store = SlowStore(AsyncOnlyEmbeddings(corpus.embeddings.table))
    store.add_documents(corpus.documents())
    beats = 0

    async def heartbeat() -> None:
        nonlocal beats
        while True:
            await asyncio.sleep(0.01)
            beats += 1

    pulse = asyncio.create_task(heartbeat())
    found = await SIFTRetriever(store).ainvoke(corpus.queries[0])
    pulse.cancel()
    assert len(found) == 4
    assert store.thread != threading.get_ident()
    assert beats >= 5  # a blocked loop has none; a free one about 30


def test_batch_and_abatch(store: Any, corpus: Corpus) -> None:
    retriever = SIFTRetriever(store)
    serial = [retriever.invoke(query) for query in corpus.queries]
    assert retriever.batch(corpus.queries) == serial
    assert asyncio.run(retriever.abatch(corpus.queries)) == serial


def test_configurable_fields(store: Any, corpus: Corpus) -> None:
    retriever = SIFTRetriever(store).configurable_fields(
        k=ConfigurableField(id="k"), lambda_=ConfigurableField(id="noise")
    )
    found = retriever.invoke(corpus.queries[0], {"configurable": {"k": 2, "noise": 0.01}})
    assert ids(found) == ids(SIFTRetriever(store, k=2, lambda_=0.01).invoke(corpus.queries[0]))
    assert len(retriever.invoke(corpus.queries[0])) == 4


def test_with_config_and_bind(store: Any, corpus: Corpus) -> None:
    retriever = SIFTRetriever(store)
    recorder = Recorder()
    tagged = retriever.with_config(callbacks=[recorder], run_name="ours")
    assert tagged.invoke(corpus.queries[0]) == retriever.invoke(corpus.queries[0])
    assert [name for name, _ in recorder.events] == ["start", "end"]
    assert len(retriever.bind(k=2).invoke(corpus.queries[0])) == 2
    assert retriever.with_retry().invoke(corpus.queries[0]) == retriever.invoke(corpus.queries[0])


def test_positional_and_by_name(store: Any, corpus: Corpus) -> None:
    by_name = SIFTRetriever(vectorstore=store, kernel=PHRASES)
    assert by_name.invoke(corpus.queries[0]) == SIFTRetriever(store).invoke(corpus.queries[0])
    assert by_name.invoke(corpus.queries[0]) == SIFTRetriever(store, device="cpu").invoke(
        corpus.queries[0]
    )


def test_another_embedding_for_the_query(store: Any, corpus: Corpus) -> None:
    other = TableEmbeddings({"q": corpus.query_vector(3)})
    found = SIFTRetriever(store, embedding=other).invoke("q")
    assert ids(found) == ids(SIFTRetriever(store).invoke(corpus.queries[3]))
    assert other.queried == 1


def test_langsmith_parameters_are_those_of_as_retriever(store: Any) -> None:
    ours = SIFTRetriever(store)._get_ls_params()
    theirs = store.as_retriever()._get_ls_params()
    assert ours["ls_retriever_name"] == "sift"
    assert ours["ls_vector_store_provider"] == theirs["ls_vector_store_provider"]
    assert ours["ls_embedding_provider"] == theirs["ls_embedding_provider"]


class Recorder(BaseCallbackHandler):
    def __init__(self) -> None:
        self.events: list[tuple[str, Any]] = []

    def on_retriever_start(self, serialized: Any, query: str, **kwargs: Any) -> None:
        self.events.append(("start", (query, kwargs["metadata"]["ls_vector_store_provider"])))

    def on_retriever_end(self, documents: Any, **kwargs: Any) -> None:
        self.events.append(("end", len(documents)))

    def on_retriever_error(self, error: BaseException, **kwargs: Any) -> None:
        self.events.append(("error", type(error)))


def test_callbacks_are_told(store: Any, corpus: Corpus) -> None:
    recorder = Recorder()
    retriever = SIFTRetriever(store)
    retriever.invoke(corpus.queries[0], {"callbacks": [recorder], "run_id": uuid4()})
    with pytest.raises(ValueError, match="k must be a whole number"):
        retriever.invoke(corpus.queries[0], {"callbacks": [recorder]}, k=0)
    name = type(store).__name__
    start = ("start", (corpus.queries[0], name))
    assert recorder.events == [start, ("end", 4), start, ("error", ValueError)]


def test_in_an_lcel_chain(store: Any, corpus: Corpus) -> None:
    retriever = SIFTRetriever(store, k=2)
    prompt = ChatPromptTemplate.from_template("{context} | {question}")
    joined = retriever | (lambda documents: " & ".join(d.page_content for d in documents))
    chain = {"context": joined, "question": RunnablePassthrough()} | prompt
    texts = [d.page_content for d in retriever.invoke(corpus.queries[0])]
    expected = f"Human: {texts[0]} & {texts[1]} | {corpus.queries[0]}"
    assert chain.invoke(corpus.queries[0]).to_string() == expected


def test_an_adapter_serves_subclasses_of_its_store(corpus: Corpus) -> None:
    class OurOwnStore(InMemoryVectorStore):
        pass

    store = OurOwnStore(corpus.embeddings)
    store.add_documents(corpus.documents())
    assert len(SIFTRetriever(store).invoke(corpus.queries[0])) == 4
