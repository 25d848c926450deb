"""Time limits: a store or a model that hangs holds back nobody but its own users."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from threading import Event
from typing import Any

import pytest
from corpus import Corpus, TableEmbeddings
from store_cases import CASES

from langchain_sift import SIFTCompressor, SIFTRetriever
from langchain_sift.stores import StoreReader, reader_of


class HangingReader(StoreReader[Any]):
    """Searches an InMemoryVectorStore; with `hang` it waits until `go` is set."""

    go: Event

    def search(self, query: Any, fetch_k: int, *, hang: bool = False) -> Any:
        if hang:
            self.go.wait(60)
        return reader_of(self.store).search(query, fetch_k)


@pytest.fixture
def memory(corpus: Corpus) -> Any:
    return CASES["InMemory"].filled(corpus)


@pytest.fixture
def hanging(memory: Any) -> Iterator[SIFTRetriever]:
    """A retriever that hangs where a call says `hang=True`."""
    reader = HangingReader(memory)
    reader.go = Event()
    yield SIFTRetriever(memory, adapter=reader)
    reader.go.set()


class HangingEmbeddings(TableEmbeddings):
    def __init__(self, table: Any) -> None:
        super().__init__(table)
        self.go = Event()

    def embed_query(self, text: str) -> list[float]:
        self.go.wait(60)
        return super().embed_query(text)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self.go.wait(60)
        return super().embed_documents(texts)


@pytest.fixture
def stuck(corpus: Corpus) -> Iterator[HangingEmbeddings]:
    model = HangingEmbeddings(corpus.embeddings.table)
    yield model
    model.go.set()


FETCH = r"timeout of 0.2 seconds: it was at the stage 'fetch', waiting for .*InMemoryVectorStore"
EMBED = r"timeout of 0.2 seconds: it was at the stage 'embed', waiting for .*HangingEmbeddings"


async def test_the_error_names_the_stage_and_the_store(hanging: SIFTRetriever) -> None:
    start = time.perf_counter()
    with pytest.raises(TimeoutError, match=FETCH):
        hanging.invoke("query 0", hang=True, timeout=0.2)
    with pytest.raises(TimeoutError, match=FETCH):
        await hanging.ainvoke("query 0", hang=True, timeout=0.2)
    field = hanging.model_copy(update={"timeout": 0.2})
    with pytest.raises(TimeoutError, match=FETCH):
        field.explain("query 0", hang=True)
    with pytest.raises(TimeoutError, match=FETCH):
        await field.aexplain("query 0", hang=True)
    with pytest.raises(TimeoutError, match=FETCH):
        hanging.invoke("", targets=["query 0", "query 1"], hang=True, timeout=0.2)
    with pytest.raises(TimeoutError, match=FETCH):
        await hanging.ainvoke("", targets=["query 0", "query 1"], hang=True, timeout=0.2)
    assert time.perf_counter() - start < 5


async def test_a_model_that_hangs(memory: Any, stuck: HangingEmbeddings, corpus: Corpus) -> None:
    retriever = SIFTRetriever(memory, embedding=stuck, timeout=0.2)
    with pytest.raises(TimeoutError, match=EMBED):
        retriever.invoke("query 0")
    with pytest.raises(TimeoutError, match=EMBED):
        await retriever.ainvoke("query 0")


async def test_of_a_compressor(memory: Any, stuck: HangingEmbeddings, corpus: Corpus) -> None:
    compressor = SIFTCompressor(embedding=stuck, timeout=0.2)
    documents = corpus.documents()
    with pytest.raises(TimeoutError, match=EMBED):
        compressor.compress_documents(documents, "query 0")
    with pytest.raises(TimeoutError, match=EMBED):
        await compressor.acompress_documents(documents, "query 0")
    stuck.go.set()
    slow = SIFTCompressor(vectorstore=memory, embedding=stuck)
    assert len(await slow.acompress_documents(documents, "query 0", timeout=5)) == 4
    assert len(slow.compress_documents(documents, "query 0", timeout=5)) == 4


async def test_with_time_enough_the_result_is_the_same(memory: Any) -> None:
    retriever = SIFTRetriever(memory)
    want = retriever.invoke("query 0")
    assert retriever.invoke("query 0", timeout=10) == want
    assert await retriever.ainvoke("query 0", timeout=10) == want
    assert SIFTRetriever(memory, timeout=10).batch(["query 0"] * 2) == [want] * 2


async def test_forty_hung_calls_leave_the_others_unharmed(
    hanging: SIFTRetriever, corpus: Corpus
) -> None:
    other = SIFTRetriever(CASES["InMemory"].filled(corpus))
    want = other.invoke("query 0")
    hung = [asyncio.create_task(hanging.ainvoke("query 0", hang=True)) for _ in range(40)]
    await asyncio.sleep(0.2)
    start = time.perf_counter()
    for _ in range(5):
        assert await other.ainvoke("query 0") == want
        assert await hanging.ainvoke("query 0") == want  # of the same store
    assert other.invoke("query 0") == want
    assert time.perf_counter() - start < 5
    assert not any(task.done() for task in hung)
    hanging.adapter.go.set()
    assert await asyncio.gather(*hung) == [want] * 40


async def test_hung_threads_of_other_callers_do_not_matter_either(hanging: SIFTRetriever) -> None:
    """Of callers who wait in threads of their own."""
    hung = [
        asyncio.create_task(asyncio.to_thread(hanging.invoke, "query 0", hang=True))
        for _ in range(40)
    ]
    await asyncio.sleep(0.2)
    async with asyncio.timeout(10):
        assert len(await hanging.ainvoke("query 0")) == 4
    hanging.adapter.go.set()
    await asyncio.gather(*hung)


EXITS = """
import asyncio, threading
from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_sift import SIFTRetriever

store = InMemoryVectorStore(DeterministicFakeEmbedding(size=8))
never = threading.Event()

def adapter(store, query, fetch_k):
    never.wait()

retriever = SIFTRetriever(store, adapter=adapter, timeout=0.2)

async def main():
    hung = await asyncio.gather(
        *(retriever.ainvoke("q") for _ in range(40)), return_exceptions=True
    )
    print({type(error).__name__ for error in hung})

asyncio.run(main())
try:
    retriever.invoke("q")
except TimeoutError:
    print("end")
"""


def test_a_process_with_hung_calls_can_end() -> None:
    done = subprocess.run(
        [sys.executable, "-c", EXITS], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split() == ["{'TimeoutError'}", "end"]
