"""A store that no reader knows: the texts of its hits are embedded again."""

from __future__ import annotations

import asyncio
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from corpus import Corpus
from foreign import CountingEmbeddings, Foreign, as_in_a_new_process, ids
from langchain_core.documents import Document
from langchain_core.vectorstores import InMemoryVectorStore

from langchain_sift import SIFTCompressor, SIFTRetriever
from langchain_sift.stores import (
    ReembeddingWarning,
    StoreReader,
    reader_of,
    register_reader,
    search,
)
from sift_retrievers.retrieval import EmbeddingCache, Target
from sift_retrievers.retrieval.work import Direct, OnLoop, finished


@pytest.fixture(autouse=True)
def _as_in_a_new_process() -> Iterator[None]:
    with as_in_a_new_process():
        yield


def test_a_store_nobody_knows_is_read_by_embedding_again(corpus: Corpus) -> None:
    store = Foreign(corpus)
    with pytest.warns(ReembeddingWarning, match=r"foreign\.Foreign .*adapter=\.\.\.") as warned:
        retriever = SIFTRetriever(store, k=6, fetch_k=20, lambda_=0.3)
    assert [one.filename for one in warned] == [__file__]  # the line that made the retriever
    found = retriever.invoke(corpus.queries[0], filter={"a": 1})
    exact = SIFTRetriever(store.inner, k=6, fetch_k=20, lambda_=0.3).invoke(corpus.queries[0])
    assert ids(found) == ids(exact)
    assert store.asked == [(corpus.queries[0], 20, {"filter": {"a": 1}})]
    assert len(store.model.calls) == 1  # one batched call for all hits
    assert found[0].metadata["sift"]["vectors"] == "embedded again by the retriever"
    for query in corpus.queries * 3:
        retriever.invoke(query)
    assert len({text for call in store.model.calls for text in call}) == len(
        [text for call in store.model.calls for text in call]
    )  # no text twice: the cache has them
    assert [ids(retriever.invoke(q)) for q in corpus.queries] == [
        ids(SIFTRetriever(store.inner, k=6, fetch_k=20, lambda_=0.3).invoke(q))
        for q in corpus.queries
    ]


def test_the_warning_comes_once_a_class(corpus: Corpus) -> None:
    with pytest.warns(ReembeddingWarning):
        SIFTRetriever(Foreign(corpus))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SIFTRetriever(Foreign(corpus)).invoke(corpus.queries[0])


@pytest.mark.filterwarnings("ignore::langchain_sift.stores.ReembeddingWarning")
def test_the_cache_is_as_large_as_set(corpus: Corpus) -> None:
    store = Foreign(corpus)
    cache = EmbeddingCache(size=10)
    retriever = SIFTRetriever(store, fetch_k=20, embedding_cache=cache)
    retriever.invoke(corpus.queries[0])
    assert len(cache) == 10
    retriever.invoke(corpus.queries[0])
    assert [len(call) for call in store.model.calls] == [20, 10]


@pytest.mark.filterwarnings("ignore::langchain_sift.stores.ReembeddingWarning")
def test_no_vector_of_a_text_that_is_gone(corpus: Corpus) -> None:
    store = Foreign(corpus)
    retriever = SIFTRetriever(store, fetch_k=60, k=60)
    before = {d.id: d.metadata["sift"] for d in retriever.invoke(corpus.queries[0])}
    store.inner.store[corpus.ids[0]]["text"] = "newcomer"  # the same id, another text
    corpus.embeddings.table["newcomer"] = -corpus.query_vector()
    after = {d.id: d.metadata["sift"] for d in retriever.invoke(corpus.queries[0])}
    assert after[corpus.ids[0]]["similarity"] == pytest.approx(-1)
    assert before[corpus.ids[0]]["similarity"] > -0.9
    store.inner.delete([corpus.ids[0]])
    assert corpus.ids[0] not in ids(retriever.invoke(corpus.queries[0]))


@pytest.mark.filterwarnings("ignore::langchain_sift.stores.ReembeddingWarning")
def test_a_subclass_whose_own_search_hides_documents_keeps_hiding_them(corpus: Corpus) -> None:
    """Reading the vectors from the store itself would show what the override hides."""

    class Tenant(InMemoryVectorStore):
        def similarity_search(self, query: str, k: int = 4, **kwargs: Any) -> list[Document]:
            found = super().similarity_search(query, 60)
            return [d for d in found if d.metadata["parity"] == "even"][:k]

    store = Tenant(corpus.embeddings)
    store.add_documents(corpus.documents())
    retriever = SIFTRetriever(store, k=60)
    found = retriever.invoke(corpus.queries[0])
    assert {d.metadata["parity"] for d in found} == {"even"}
    assert len(found) == 30
    with pytest.raises(TypeError, match=r"Tenant searches by text alone.*targets as texts"):
        retriever.invoke("", targets=[corpus.query_vector()])


class OnTheLoop(Foreign):
    """A store and a model with asynchronous calls of their own."""

    async def asimilarity_search(self, query: str, k: int = 4, **kwargs: Any) -> list[Document]:
        await asyncio.sleep(0)
        self.asked.append((f"awaited {query}", k, kwargs))
        found: list[Document] = self.inner.similarity_search(query, k)
        return found


class ModelOnTheLoop(CountingEmbeddings):
    awaited = 0

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        await asyncio.sleep(0)
        self.awaited += 1
        return super().embed_documents(texts)


async def test_embedding_again_awaits_what_the_store_and_the_model_can_await(
    corpus: Corpus,
) -> None:
    store, model = OnTheLoop(corpus), ModelOnTheLoop(corpus.embeddings.table)
    target = Target(corpus.query_vector(), corpus.queries[0])
    hits = await search(OnLoop(), reader_of(store, None, model), target, 20, {"a": 1})
    assert store.asked == [(f"awaited {corpus.queries[0]}", 20, {"a": 1})]
    assert (model.awaited, len(model.calls)) == (1, 1)
    again = finished(search(Direct(), reader_of(store, None, model), target, 20, {}))
    assert [*again.ids] == [*hits.ids]
    assert model.awaited == 1  # no loop, nothing to await


async def test_a_store_with_the_asynchronous_calls_of_the_base_class_runs_in_a_thread(
    corpus: Corpus,
) -> None:
    class Watched(Foreign):
        def similarity_search(self, query: str, k: int = 4, **kwargs: Any) -> list[Document]:
            assert threading.current_thread() is not threading.main_thread()
            return super().similarity_search(query, k, **kwargs)

    target = Target(corpus.query_vector(), corpus.queries[0])
    reader = reader_of(Watched(corpus), None, CountingEmbeddings(corpus.embeddings.table))
    assert len(await search(OnLoop(), reader, target, 20, {})) == 20


class Odd(Foreign):
    """A foreign store with searches of its own, synchronous and asynchronous."""

    answer: Any = None

    def similarity_search(self, query: str, k: int = 4, **kwargs: Any) -> Any:
        return self.answer

    async def asimilarity_search(self, query: str, k: int = 4, **kwargs: Any) -> Any:
        await asyncio.sleep(0)
        return self.answer


@pytest.mark.filterwarnings("ignore::langchain_sift.stores.ReembeddingWarning")
@pytest.mark.parametrize(
    ("answer", "came"),
    [
        ([(Document("text 0"), 0.5)], "tuple for hit 0"),
        ([Document("text 0"), "text 1"], "str for hit 1"),
        ({"text 0": 0.5}, "dict"),
        (None, "NoneType"),
    ],
)
async def test_a_store_that_finds_something_odd(corpus: Corpus, answer: Any, came: str) -> None:
    store = Odd(corpus)
    store.answer = answer
    retriever = SIFTRetriever(store)
    message = f"similarity_search of Odd must return a list of Document; got {came}"
    with pytest.raises(TypeError, match=message) as caught:
        retriever.invoke(corpus.queries[0])
    assert "from Odd" in caught.value.__notes__[0]
    with pytest.raises(TypeError, match=message):
        await retriever.ainvoke(corpus.queries[0])
    store.answer = []
    assert retriever.invoke(corpus.queries[0]) == []


@pytest.mark.filterwarnings("ignore::langchain_sift.stores.ReembeddingWarning")
async def test_an_asynchronous_search_that_is_none(corpus: Corpus) -> None:
    class Plain(Odd):
        def asimilarity_search(self, query: str, k: int = 4, **kwargs: Any) -> Any:
            return []

    with pytest.raises(TypeError, match="method of Plain returned list, which cannot be awaited"):
        await SIFTRetriever(Plain(corpus)).ainvoke(corpus.queries[0])


async def test_a_reader_whose_look_up_returns_something_odd(corpus: Corpus) -> None:
    store = Foreign(corpus)

    @register_reader(Foreign)
    class OddReader(StoreReader[Document]):
        def vectors_by_id(self, ids: Any) -> Any:
            return [0.5]

    compressor = SIFTCompressor(vectorstore=store)
    message = "vectors_by_id of OddReader must return {id: StoredVector}; got list"
    with pytest.raises(TypeError, match=message):
        compressor.compress_documents(corpus.documents(), corpus.queries[0])
    with pytest.raises(TypeError, match=message):
        await compressor.acompress_documents(corpus.documents(), corpus.queries[0])
