"""On an event loop: it is never blocked, and its common threads are left alone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import current_thread, main_thread
from typing import Any

import pytest
from corpus import Corpus, TableEmbeddings
from langchain_core.runnables import RunnableLambda
from langchain_core.vectorstores import InMemoryVectorStore
from store_cases import CASES

from langchain_sift import SIFTCompressor, SIFTRetriever


class Forbidden(ThreadPoolExecutor):
    """The loop's common threads, which others may keep busy."""

    def submit(self, *args: Any, **kwargs: Any) -> Any:
        raise AssertionError("nothing may wait in the common threads of the loop")


@pytest.fixture(autouse=True)
async def _no_common_threads() -> None:
    asyncio.get_running_loop().set_default_executor(Forbidden())


def slow(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that would block the loop, and refuses to be called on it."""

    def called(*args: Any, **kwargs: Any) -> Any:
        assert current_thread() is not main_thread()
        time.sleep(0.01)
        return function(*args, **kwargs)

    return called


class SlowEmbeddings(TableEmbeddings):
    def embed_query(self, text: str) -> list[float]:
        return slow(super().embed_query)(text)  # type: ignore[no-any-return]

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return slow(super().embed_documents)(texts)  # type: ignore[no-any-return]


class BlockingEmbeddings(SlowEmbeddings):
    """Its asynchronous methods make the synchronous calls."""

    async def aembed_query(self, text: str) -> list[float]:
        return self.embed_query(text)

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        return self.embed_documents(texts)


class NativeEmbeddings(TableEmbeddings):
    """Its asynchronous methods wait; the synchronous ones must not be called."""

    calls = 0

    async def aembed_query(self, text: str) -> list[float]:
        self.calls += 1
        await asyncio.sleep(0.01)
        return super().embed_query(text)

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        self.calls += 1
        await asyncio.sleep(0.01)
        return super().embed_documents(texts)

    def embed_query(self, text: str) -> list[float]:
        raise AssertionError("there is an asynchronous call")

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        raise AssertionError("there is an asynchronous call")


class SlowStore(InMemoryVectorStore):
    """Somebody's own search, so that its hits are embedded again."""

    def similarity_search(self, *args: Any, **kwargs: Any) -> Any:
        return slow(super().similarity_search)(*args, **kwargs)


@pytest.fixture
def memory(corpus: Corpus) -> Any:
    return CASES["InMemory"].filled(corpus)


@pytest.mark.parametrize("kind", [SlowEmbeddings, BlockingEmbeddings])
async def test_a_slow_model(memory: Any, corpus: Corpus, kind: type[SlowEmbeddings]) -> None:
    want = SIFTRetriever(memory).invoke("query 0")
    model = kind(corpus.embeddings.table)
    retriever = SIFTRetriever(memory, embedding=model)
    compressor = SIFTCompressor(embedding=model)
    assert await retriever.ainvoke("query 0") == want
    assert (await retriever.abatch(corpus.queries))[0] == want
    assert (await retriever.aexplain("query 0")).chosen[0].id == want[0].id
    assert len(await compressor.acompress_documents(corpus.documents(), "query 0")) == 4


async def test_a_model_of_its_own_asynchronous_calls(memory: Any, corpus: Corpus) -> None:
    want = SIFTRetriever(memory).invoke("query 0")
    model = NativeEmbeddings(corpus.embeddings.table)
    retriever = SIFTRetriever(memory, embedding=model)
    compressor = SIFTCompressor(embedding=model)
    assert await retriever.ainvoke("query 0") == want
    assert model.calls == 1
    assert (await retriever.abatch(corpus.queries))[0] == want
    assert model.calls == 3  # all at once, and one of them alone for comparison
    assert len(await compressor.acompress_documents(corpus.documents(), "query 0")) == 4
    assert model.calls == 5


@pytest.mark.filterwarnings("ignore::langchain_sift.stores.ReembeddingWarning")
async def test_a_slow_store(corpus: Corpus) -> None:
    store = SlowStore(corpus.embeddings)
    store.add_documents(corpus.documents())
    retriever = SIFTRetriever(store)
    assert len(await retriever.ainvoke("query 0")) == 4


@pytest.mark.parametrize("kind", ["function", "RunnableLambda", "coroutine function"])
async def test_slow_targets(memory: Any, corpus: Corpus, kind: str) -> None:
    def make(query: str) -> list[str]:
        return corpus.queries[:2]

    async def amake(query: str) -> list[str]:
        await asyncio.sleep(0.01)
        return corpus.queries[:2]

    kinds = {
        "function": slow(make),
        "RunnableLambda": RunnableLambda(slow(make)),
        "coroutine function": amake,
    }
    retriever = SIFTRetriever(memory, targets=kinds[kind])
    assert (await retriever.aexplain("q")).targets == 2


async def test_slow_witnesses(memory: Any, corpus: Corpus) -> None:
    retriever = SIFTRetriever(memory, relevance=slow(lambda question, texts: [0.0] * len(texts)))
    compressor = SIFTCompressor(
        vectorstore=memory, cross_encoder=slow(lambda pairs: [0.0] * len(pairs))
    )
    assert len(await retriever.ainvoke("query 0")) == 4
    found = await compressor.acompress_documents(corpus.documents(), "query 0")
    assert len(found) == 4
    given = {"query": "query 0", "documents": corpus.documents()}
    assert await compressor.ainvoke(given) == found
    explained = await compressor.aexplain(corpus.documents(), "query 0")
    assert [passage.id for passage in explained.chosen] == [d.id for d in found]
