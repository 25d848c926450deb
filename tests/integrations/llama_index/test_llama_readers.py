"""Readers of vectors: the user's own, unknown stores, rows that changed meanwhile."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from corpus import Corpus
from llama_cases import CASES, TableEmbedding, model_of, nodes_of
from llama_index.core import StorageContext, VectorStoreIndex
from llama_index.core.schema import NodeWithScore, TextNode
from llama_index.core.vector_stores import SimpleVectorStore
from llama_index.core.vector_stores.types import VectorStoreQuery, VectorStoreQueryResult

from llama_index.postprocessor.sift import SIFTRerank
from llama_index.retrievers.sift import SIFTRetriever
from llama_index.retrievers.sift.stores import (
    READERS,
    StoredVector,
    StoreReader,
    register_reader,
)
from sift_retrievers.retrieval import EmbeddingCache


class Foreign(SimpleVectorStore):
    """A store that nobody has a reader for."""

    broken: bool = False

    def query(self, query: VectorStoreQuery, **kwargs: Any) -> VectorStoreQueryResult:
        if self.broken:
            raise ConnectionError("the server is gone")
        return super().query(query, **kwargs)


@pytest.fixture
def foreign(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> VectorStoreIndex:
    monkeypatch.delitem(READERS._readers, "llama_index.SimpleVectorStore")
    context = StorageContext.from_defaults(vector_store=Foreign())
    model = TableEmbedding(corpus, embed_batch_size=100)
    return VectorStoreIndex(nodes_of(corpus), storage_context=context, embed_model=model)


def test_a_store_nobody_knows_is_read_by_embedding_again(
    foreign: VectorStoreIndex, simple: VectorStoreIndex, corpus: Corpus
) -> None:
    model = model_of(foreign)
    model._batches.clear()
    retriever = SIFTRetriever(foreign, 5, 20)
    found = retriever.retrieve(corpus.queries[0])
    assert len(model._batches) == 1  # one call for all
    assert len(model._batches[0]) == 20
    assert model._batches[0][0].startswith("number: ")  # text and metadata, as for indexing
    assert found[0].node.metadata["vectors"] == "20 of 20 embedded again"
    retriever.retrieve(corpus.queries[0])
    assert len(model._batches) == 1


def read(store: Any, ids: Any) -> dict[str, Any]:
    return {name: store.data.embedding_dict[name] for name in ids}


class OwnReader(StoreReader[Any]):
    def vectors_by_id(self, ids: Any) -> dict[str, StoredVector]:
        return {name: StoredVector(vector) for name, vector in read(self.store, ids).items()}


@pytest.mark.parametrize("kind", ["function", "class", "object", "registered"])
def test_a_reader_of_the_users_own(
    foreign: VectorStoreIndex,
    corpus: Corpus,
    kind: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model_of(foreign).sealed = True
    monkeypatch.setattr(READERS, "_given", dict(READERS._given))
    adapters = {"function": read, "class": OwnReader, "object": OwnReader(foreign.vector_store)}
    if kind == "registered":
        register_reader("Foreign")(OwnReader)
    adapter: Any = adapters.get(kind)
    found = SIFTRetriever(foreign, adapter=adapter).retrieve(corpus.queries[0])
    assert len(found) == 4
    assert "vectors" not in found[0].node.metadata
    rerank = SIFTRerank(
        embed_model=model_of(foreign), vector_store=foreign.vector_store, adapter=adapter
    )
    nodes = [NodeWithScore(node=node) for node in nodes_of(corpus)]
    assert len(rerank.postprocess_nodes(nodes, query_str=corpus.queries[0])) == 4


def test_a_reader_by_entry_point(
    foreign: VectorStoreIndex, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Point:
        def load(self) -> Any:
            return OwnReader

    model_of(foreign).sealed = True
    package = Foreign.__module__.partition(".")[0]
    monkeypatch.setitem(READERS._brought, f"{package}.Foreign", Point())
    assert len(SIFTRetriever(foreign).retrieve(corpus.queries[0])) == 4


@pytest.mark.parametrize(
    ("adapter", "message"),
    [
        (5, r"adapter must be a StoreReader or a function \(vector_store, ids\).*got 5"),
        (dict, "adapter must be a StoreReader or a function"),
        (StoreReader, "adapter must define vectors_by_id; StoreReader does not"),
        (OwnReader(SimpleVectorStore()), "adapter reads another store .*give the class"),
    ],
)
def test_what_is_no_adapter(simple: VectorStoreIndex, adapter: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        SIFTRetriever(simple, adapter=adapter)


def test_a_vector_of_another_text_is_not_used(simple: VectorStoreIndex, corpus: Corpus) -> None:
    """A row that was replaced between the search and the look-up."""
    changed = {corpus.ids[i] for i in range(10)}

    def replaced(store: Any, ids: Any) -> dict[str, StoredVector]:
        text = dict(zip(corpus.ids, corpus.texts, strict=True))
        return {
            name: StoredVector([1.0] * corpus.dim, "another text")
            if name in changed
            else StoredVector(store.data.embedding_dict[name], text[name])
            for name in ids
        }

    model_of(simple).sealed = False
    want = SIFTRetriever(simple, 60).explain(corpus.queries[0])
    seen = SIFTRetriever(simple, 60, adapter=replaced).explain(corpus.queries[0])
    assert {p.id: p.similarity for p in seen.passages} == pytest.approx(
        {p.id: p.similarity for p in want.passages}
    )
    assert seen.vectors == "10 of 60 embedded again"
    nodes = [NodeWithScore(node=node) for node in nodes_of(corpus)]
    rerank = SIFTRerank(
        embed_model=model_of(simple), vector_store=simple.vector_store, adapter=replaced
    )
    assert rerank.explain(nodes, corpus.queries[0]).vectors == "10 of 60 embedded again"


def test_no_store_for_an_adapter(corpus: Corpus) -> None:
    with pytest.raises(TypeError, match="adapter reads a store: pass vector_store="):
        SIFTRerank(adapter=read)


def test_the_cache_of_vectors_is_the_users(foreign: VectorStoreIndex, corpus: Corpus) -> None:
    cache = EmbeddingCache(size=5)
    SIFTRetriever(foreign, embedding_cache=cache).retrieve(corpus.queries[0])
    assert len(cache) == 5


def test_a_store_that_fails_is_named(foreign: VectorStoreIndex, corpus: Corpus) -> None:
    store = foreign.vector_store
    assert isinstance(store, Foreign)
    store.broken = True
    with pytest.raises(ConnectionError, match="the server is gone") as caught:
        SIFTRetriever(foreign).retrieve(corpus.queries[0])
    assert "nearest to a vector of dimension 12 from Foreign" in caught.value.__notes__[0]


@pytest.mark.parametrize("store_name", ["Simple", "Milvus", "Chroma", "LanceDB"])
def test_ids_with_quotes(corpus: Corpus, store_name: str) -> None:
    corpus.ids = [f"""o'ne"il {i}""" for i in range(60)]
    index = CASES[store_name].index(corpus)
    assert len(SIFTRetriever(index, 10).retrieve(corpus.queries[0])) == 10


ODD: list[tuple[Any, str]] = [
    ([("text 0", 0.5)], "the query of Odd must return a VectorStoreQueryResult; got list"),
    ("text 0", "the query of Odd must return a VectorStoreQueryResult; got str"),
    (
        VectorStoreQueryResult(nodes=[("text 0", 0.5)]),  # type: ignore[list-item]
        "the query of Odd must return nodes; got tuple for hit 0",
    ),
    (
        VectorStoreQueryResult(nodes=[TextNode()], ids=["a", "b"], similarities=[0.5]),
        "for each hit; got 1 nodes, 2 ids, 1 similarities",
    ),
]


class Odd(SimpleVectorStore):
    """A store with a query of its own, synchronous and asynchronous."""

    stores_text: bool = True
    answer: Any = None
    awaited: bool = False

    def query(self, query: VectorStoreQuery, **kwargs: Any) -> Any:
        return self.answer

    async def aquery(self, query: VectorStoreQuery, **kwargs: Any) -> Any:
        await asyncio.sleep(0)
        self.awaited = True
        return self.answer


@pytest.fixture
def no_readers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes a subclass of `SimpleVectorStore` an unknown store, whose `aquery` is used."""
    monkeypatch.delitem(READERS._readers, "llama_index.SimpleVectorStore")


@pytest.mark.usefixtures("no_readers")
@pytest.mark.parametrize(("answer", "message"), ODD)
async def test_a_store_that_answers_something_odd(
    corpus: Corpus, answer: Any, message: str
) -> None:
    store = Odd()
    store.answer = answer
    retriever = SIFTRetriever(store, embed_model=TableEmbedding(corpus))
    with pytest.raises((TypeError, ValueError), match=message):
        retriever.retrieve(corpus.queries[0])
    with pytest.raises((TypeError, ValueError), match=message):
        await retriever.aretrieve(corpus.queries[0])
    assert store.awaited


@pytest.mark.usefixtures("no_readers")
async def test_an_asynchronous_query_that_is_none(corpus: Corpus) -> None:
    class Plain(Odd):
        def aquery(self, query: VectorStoreQuery, **kwargs: Any) -> Any:  # type: ignore[override]
            return self.answer

    store = Plain()
    store.answer = VectorStoreQueryResult()
    retriever = SIFTRetriever(store, embed_model=TableEmbedding(corpus))
    assert retriever.retrieve(corpus.queries[0]) == []
    with pytest.raises(TypeError, match="method of Plain returned VectorStoreQueryResult, which"):
        await retriever.aretrieve(corpus.queries[0])


@pytest.mark.parametrize(
    ("found", "came"), [([], "list"), ({"a": [0.5]}, "list for 'a'"), (None, "NoneType")]
)
async def test_a_reader_that_returns_something_odd(
    simple: VectorStoreIndex, corpus: Corpus, found: Any, came: str
) -> None:
    class OddReader(StoreReader[Any]):
        def vectors_by_id(self, ids: Any) -> Any:
            return found

    retriever = SIFTRetriever(simple, adapter=OddReader)
    message = rf"vectors_by_id of OddReader must return {{id: StoredVector}}; got {came}"
    with pytest.raises(TypeError, match=message):
        retriever.retrieve(corpus.queries[0])
    with pytest.raises(TypeError, match=message):
        await retriever.aretrieve(corpus.queries[0])
