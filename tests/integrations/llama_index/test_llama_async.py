"""Retrieval beside an event loop: threads of their owners, native clients, time limits."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest
from corpus import Corpus
from llama_cases import CASES, TableEmbedding, nodes_of
from llama_index.core import StorageContext, VectorStoreIndex
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import NodeWithScore, QueryBundle
from llama_index.core.vector_stores import SimpleVectorStore
from llama_index.core.vector_stores.types import VectorStoreQuery, VectorStoreQueryResult

from llama_index.postprocessor.sift import SIFTRerank
from llama_index.retrievers.sift import SIFTRetriever


def ids(nodes: list[NodeWithScore]) -> list[str]:
    return [node.node_id for node in nodes]


class SlowEmbedding(TableEmbedding):
    """As models on this machine are: the asynchronous call works on the loop."""

    def _get_query_embedding(self, query: str) -> list[float]:
        time.sleep(0.1)
        return super()._get_query_embedding(query)


class SlowStore(SimpleVectorStore):
    """As stores with a default `aquery` are."""

    def query(self, query: VectorStoreQuery, **kwargs: Any) -> VectorStoreQueryResult:
        assert threading.current_thread() is not threading.main_thread()
        time.sleep(0.1)
        return super().query(query, **kwargs)


async def test_sixteen_at_once_leave_the_loop_free(corpus: Corpus) -> None:
    context = StorageContext.from_defaults(vector_store=SlowStore())
    index = VectorStoreIndex(
        nodes_of(corpus), storage_context=context, embed_model=SlowEmbedding(corpus)
    )
    quick = VectorStoreIndex(nodes_of(corpus), embed_model=TableEmbedding(corpus))
    want = [ids(SIFTRetriever(quick).retrieve(query)) for query in corpus.queries]
    retriever = SIFTRetriever(index)
    await retriever.aretrieve(corpus.queries[0])  # what is loaded at the first call
    gaps, last = [], time.perf_counter()

    async def heartbeat() -> None:
        nonlocal last
        while True:
            await asyncio.sleep(0.005)
            gaps.append(time.perf_counter() - last)
            last = time.perf_counter()

    pulse = asyncio.create_task(heartbeat())
    await asyncio.sleep(0)
    last = time.perf_counter()
    found = await asyncio.gather(*(retriever.aretrieve(corpus.queries[i % 5]) for i in range(16)))
    pulse.cancel()
    assert [ids(nodes) for nodes in found] == [want[i % 5] for i in range(16)]
    assert len(gaps) > 10
    late = sum(gap > 0.05 for gap in gaps)
    assert late <= 0.05 * len(gaps)  # a busy machine may be late itself now and then


def test_threads_give_the_serial_answers(simple: VectorStoreIndex, corpus: Corpus) -> None:
    from concurrent.futures import ThreadPoolExecutor

    retriever = SIFTRetriever(simple, 5, 30, lambda_=0.3)
    want = [ids(retriever.retrieve(query)) for query in corpus.queries]
    with ThreadPoolExecutor(16) as pool:
        found = [*pool.map(lambda i: ids(retriever.retrieve(corpus.queries[i % 5])), range(400))]
    assert found == [want[i % 5] for i in range(400)]


class NativeEmbedding(TableEmbedding):
    """A service with an asynchronous client, and no other."""

    _awaited: list[str] = PrivateAttr(default_factory=list)

    def _get_query_embedding(self, query: str) -> list[float]:
        raise AssertionError("there is no synchronous client")

    _get_text_embeddings: Any = _get_query_embedding

    async def _aget_query_embedding(self, query: str) -> list[float]:
        await asyncio.sleep(0)
        self._awaited.append(query)
        return super()._get_query_embedding(query)

    async def _aget_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        await asyncio.sleep(0)
        return super()._get_text_embeddings(texts)


async def test_a_model_with_an_asynchronous_client_alone(corpus: Corpus) -> None:
    index = CASES["Simple"].index(corpus)
    model = NativeEmbedding(corpus)
    want = SIFTRetriever(index).retrieve(corpus.queries[0])
    retriever = SIFTRetriever(index, embed_model=model)
    assert await retriever.aretrieve(corpus.queries[0]) == want
    bundle = QueryBundle("both", custom_embedding_strs=corpus.queries[:2])
    assert len(await retriever.aretrieve(bundle)) == 4
    assert model._awaited == [corpus.queries[0], *corpus.queries[:2]]
    nodes = [NodeWithScore(node=node) for node in nodes_of(corpus)]  # without vectors
    rerank = SIFTRerank(embed_model=model)
    assert ids(await rerank.apostprocess_nodes(nodes, QueryBundle(corpus.queries[0]))) == ids(want)


def asynchronous_qdrant(corpus: Corpus) -> Any:
    qdrant = pytest.importorskip("llama_index.vector_stores.qdrant")
    client = pytest.importorskip("qdrant_client")
    return qdrant.QdrantVectorStore("test", aclient=client.AsyncQdrantClient(":memory:"))


async def test_a_qdrant_store_with_an_asynchronous_client_alone(corpus: Corpus) -> None:
    store = asynchronous_qdrant(corpus)
    nodes = nodes_of(corpus)
    for node, vector in zip(nodes, corpus.vectors, strict=True):
        node.embedding = vector.tolist()
    await store.async_add(nodes)
    model = TableEmbedding(corpus, sealed=True)
    retriever = SIFTRetriever(store, embed_model=model)
    found = await retriever.aretrieve(corpus.queries[0])
    simple = CASES["Simple"].index(corpus)
    assert ids(found) == ids(SIFTRetriever(simple).retrieve(corpus.queries[0]))
    assert "unit length" in found[0].node.metadata["vectors"]
    assert (await retriever.aexplain(corpus.queries[0])).passages[0].id == found[0].node_id
    rerank = SIFTRerank(embed_model=model, vector_store=store)
    bare = [NodeWithScore(node=node) for node in nodes_of(corpus)]
    again = await rerank.apostprocess_nodes(bare, QueryBundle(corpus.queries[0]))
    assert ids(again) == ids(found)


@pytest.mark.parametrize("store_name", ["Qdrant", "Milvus", "Postgres", "Chroma", "LanceDB"])
def test_one_event_loop_after_another(store_name: str, corpus: Corpus) -> None:
    """Connections belong to the loop that opened them; LlamaIndex opens a loop a call."""
    index = CASES[store_name].index(corpus)
    retriever = SIFTRetriever(index)
    want = ids(retriever.retrieve(corpus.queries[0]))
    for _ in range(3):
        assert ids(asyncio.run(retriever.aretrieve(corpus.queries[0]))) == want


class NativeStore(SimpleVectorStore):
    """A store whose asynchronous query waits on the loop."""

    awaited: int = 0

    def query(self, query: VectorStoreQuery, **kwargs: Any) -> VectorStoreQueryResult:
        raise AssertionError("there is no synchronous client")

    async def aquery(self, query: VectorStoreQuery, **kwargs: Any) -> VectorStoreQueryResult:
        await asyncio.sleep(0)
        self.awaited += 1
        return super().query(query, **kwargs)


async def test_an_unknown_store_is_asked_asynchronously(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    from llama_index.retrievers.sift.stores import READERS

    monkeypatch.delitem(READERS._readers, "llama_index.SimpleVectorStore")
    store = NativeStore()
    context = StorageContext.from_defaults(vector_store=store)
    index = VectorStoreIndex(
        nodes_of(corpus), storage_context=context, embed_model=TableEmbedding(corpus)
    )
    assert len(await SIFTRetriever(index).aretrieve(corpus.queries[0])) == 4
    assert store.awaited == 1


class Hangs(SimpleVectorStore):
    """A store that answers after a long time."""

    _released: threading.Event = PrivateAttr(default_factory=threading.Event)

    def query(self, query: VectorStoreQuery, **kwargs: Any) -> VectorStoreQueryResult:
        self._released.wait(20)
        return super().query(query, **kwargs)


@pytest.fixture
def hanging(corpus: Corpus) -> Any:
    store = Hangs()
    context = StorageContext.from_defaults(vector_store=store)
    yield VectorStoreIndex(
        nodes_of(corpus), storage_context=context, embed_model=TableEmbedding(corpus)
    )
    store._released.set()


async def test_the_time_of_a_retrieval_is_limited(
    hanging: VectorStoreIndex, corpus: Corpus
) -> None:
    retriever = SIFTRetriever(hanging, timeout=0.2)
    message = r"its timeout of 0\.2 seconds: it was at the stage 'fetch', waiting for Hangs"
    start = time.perf_counter()
    with pytest.raises(TimeoutError, match=message):
        retriever.retrieve(corpus.queries[0])
    with pytest.raises(TimeoutError, match=message):
        await retriever.aretrieve(corpus.queries[0])
    with pytest.raises(TimeoutError, match=message):
        retriever.explain(corpus.queries[0])
    assert time.perf_counter() - start < 5
    slow = SlowEmbedding(corpus)
    rerank = SIFTRerank(embed_model=slow, timeout=0.05)
    nodes = [NodeWithScore(node=node) for node in nodes_of(corpus)]
    with pytest.raises(TimeoutError, match="stage 'embed', waiting for SlowEmbedding"):
        rerank.postprocess_nodes(nodes, query_str=corpus.queries[0])
    with pytest.raises(TimeoutError, match="stage 'embed', waiting for SlowEmbedding"):
        await rerank.apostprocess_nodes(nodes, query_str=corpus.queries[0])


async def test_forty_that_hang_leave_a_healthy_one_alone(
    hanging: VectorStoreIndex, corpus: Corpus
) -> None:
    healthy = SIFTRetriever(CASES["Simple"].index(corpus))
    await healthy.aretrieve(corpus.queries[0])  # what is loaded at the first call
    stuck = [
        asyncio.create_task(SIFTRetriever(hanging).aretrieve(corpus.queries[0])) for _ in range(40)
    ]
    await asyncio.sleep(0.1)
    start = time.perf_counter()
    assert len(await healthy.aretrieve(corpus.queries[1])) == 4
    assert time.perf_counter() - start < 2
    assert not any(task.done() for task in stuck)
    store: Any = hanging.vector_store
    store._released.set()
    assert all(len(found) == 4 for found in await asyncio.gather(*stuck))


async def test_a_failure_of_one_target_is_raised_itself(corpus: Corpus) -> None:
    class Gone(SimpleVectorStore):
        def query(self, query: VectorStoreQuery, **kwargs: Any) -> VectorStoreQueryResult:
            raise ConnectionError("the server is gone")

    context = StorageContext.from_defaults(vector_store=Gone())
    index = VectorStoreIndex(
        nodes_of(corpus), storage_context=context, embed_model=TableEmbedding(corpus)
    )
    bundle = QueryBundle("both", custom_embedding_strs=corpus.queries[:3])
    with pytest.raises(ConnectionError, match="the server is gone"):
        await SIFTRetriever(index).aretrieve(bundle)
    with pytest.raises(ConnectionError, match="the server is gone"):
        SIFTRetriever(index).retrieve(bundle)


class AsyncJudge(BaseNodePostprocessor):
    """A reranker that asks a service."""

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        raise AssertionError("there is no synchronous client")

    async def _apostprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        await asyncio.sleep(0)
        return [NodeWithScore(node=n.node, score=float(n.node.metadata["number"])) for n in nodes]


async def test_a_reranker_that_asks_a_service(corpus: Corpus) -> None:
    nodes = [NodeWithScore(node=node) for node in nodes_of(corpus)]
    rerank = SIFTRerank(embed_model=TableEmbedding(corpus), reranker=AsyncJudge())
    explained = await rerank.aexplain(nodes, corpus.queries[0])
    assert {p.witnesses["score"] for p in explained.passages} == {*map(float, range(60))}
