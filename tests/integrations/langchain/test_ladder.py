"""The ladder: the user's adapter, a registered one, embedding again, an error."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from corpus import Corpus, TableEmbeddings
from langchain_core.documents import Document
from langchain_core.vectorstores import InMemoryVectorStore, VectorStore
from store_cases import CASES

from langchain_sift import SIFTRetriever
from langchain_sift.stores import ReembeddingWarning, hits_of, register_adapter
from langchain_sift.stores.reembedding import _warned
from langchain_sift.stores.registry import ADAPTERS
from sift_retrievers.retrieval import EmbeddingCache, Hits


class Foreign(VectorStore):
    """A store that nobody has an adapter for: it searches by text and returns texts."""

    def __init__(self, corpus: Corpus) -> None:
        self.inner = CASES["InMemory"].filled(corpus)
        self.model = CountingEmbeddings(corpus.embeddings.table)
        self.asked: list[tuple[str, int, dict[str, Any]]] = []

    @property
    def embeddings(self) -> Any:
        return self.model

    def similarity_search(self, query: str, k: int = 4, **kwargs: Any) -> list[Document]:
        self.asked.append((query, k, kwargs))
        found: list[Document] = self.inner.similarity_search(query, k)
        return found

    @classmethod
    def from_texts(cls, *args: Any, **kwargs: Any) -> Any:
        return cls(*args)


class CountingEmbeddings(TableEmbeddings):
    def __init__(self, table: Any) -> None:
        super().__init__(table)
        self.calls: list[list[str]] = []

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self.calls.append(texts)
        return super().embed_documents(texts)


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    """Warnings already given and adapters registered by other tests."""
    _warned.clear()
    given = dict(ADAPTERS._given)
    yield
    ADAPTERS._given = given


def ids(documents: list[Document]) -> list[str | None]:
    return [document.id for document in documents]


def test_a_store_nobody_knows_is_read_by_embedding_again(corpus: Corpus) -> None:
    store = Foreign(corpus)
    with pytest.warns(ReembeddingWarning, match=r"test_ladder\.Foreign .*adapter=\.\.\."):
        retriever = SIFTRetriever(store, k=6, fetch_k=20, lambda_=0.3)
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


def read_in_memory(store: Any, query: Any, fetch_k: int, odd: bool = False) -> Hits[Document]:
    """An adapter as a user writes it."""
    inner = store.inner if isinstance(store, Foreign) else store
    keep = (lambda d: d.metadata["parity"] == "odd") if odd else None
    rows = inner._similarity_search_with_score_by_vector(query.tolist(), fetch_k, keep)
    return hits_of([row[0] for row in rows], [row[2] for row in rows], query)


def test_an_adapter_of_the_users_own(corpus: Corpus) -> None:
    store = Foreign(corpus)
    retriever = SIFTRetriever(store, adapter=read_in_memory)
    want = SIFTRetriever(store.inner).invoke(corpus.queries[0])
    assert retriever.invoke(corpus.queries[0]) == want
    assert store.model.calls == []
    odd = retriever.invoke(corpus.queries[0], odd=True)
    assert {d.metadata["parity"] for d in odd} == {"odd"}
    with pytest.raises(TypeError, match=r"search_kwargs of Foreign may hold \['odd'\]; got"):
        retriever.invoke(corpus.queries[0], even=True)


@pytest.mark.parametrize("key", ["Foreign", Foreign])
def test_a_registered_adapter_serves_the_class_and_its_subclasses(corpus: Corpus, key: Any) -> None:
    register_adapter(key)(read_in_memory)

    class Mine(Foreign):
        pass

    want = ids(SIFTRetriever(Foreign(corpus).inner).invoke(corpus.queries[0]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ids(SIFTRetriever(Mine(corpus)).invoke(corpus.queries[0])) == want


def test_a_registered_adapter_goes_before_ours(corpus: Corpus) -> None:
    @register_adapter(InMemoryVectorStore)
    def nothing(store: Any, query: Any, fetch_k: int) -> Hits[Document]:
        return hits_of([], [], query)

    assert SIFTRetriever(CASES["InMemory"].filled(corpus)).invoke(corpus.queries[0]) == []


def test_registering_nothing() -> None:
    with pytest.raises(TypeError, match=r'as in @register\("MyStore"\); got \(\)'):
        register_adapter()
    with pytest.raises(TypeError, match="an adapter is a callable; got int"):
        register_adapter("Store")(3)  # type: ignore[type-var]


def adapter_returning(result: Any) -> Any:
    def adapter(store: Any, query: Any, fetch_k: int) -> Any:
        if isinstance(result, Exception):
            raise result
        return result

    return adapter


def two(**changes: Any) -> Hits[Document]:
    documents = [Document(id="a", page_content="A"), Document(id="b", page_content="B")]
    vectors = np.ones((2, 12), dtype=np.float32)
    return Hits(
        **({"vectors": vectors, "ids": ["a", "b"], "document": documents.__getitem__} | changes)
    )


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ([Document(page_content="a")], "must return Hits, which .*hits_of makes; got list"),
        (two(vectors=np.ones((2, 5), dtype=np.float32)), r"shape \(5,\).* dimension 12"),
        (two(vectors=np.full((2, 12), np.nan, dtype=np.float32)), r"2 of 2 hits: ids \['a', 'b'\]"),
        (two(ids=["a"]), "returned 2 vectors and 1 ids"),
        (ConnectionError("the server is gone"), "the server is gone"),
    ],
)
async def test_an_adapter_that_goes_wrong(corpus: Corpus, result: Any, message: str) -> None:
    store = Foreign(corpus)
    retriever = SIFTRetriever(store, adapter=adapter_returning(result))
    with pytest.raises(Exception, match=message) as caught:
        retriever.invoke(corpus.queries[0])
    with pytest.raises(type(caught.value), match=message):
        await retriever.ainvoke(corpus.queries[0])
    if isinstance(result, Exception):
        assert type(caught.value) is type(result)
    named = [str(caught.value), *getattr(caught.value, "__notes__", [])]
    assert any("Foreign" in text for text in named)


def test_vectors_missing_for_some_hits_are_named(corpus: Corpus) -> None:
    store = CASES["InMemory"].filled(corpus)
    store.store[corpus.ids[7]]["vector"] = []
    documents = corpus.documents()[5:10]

    def adapter(store: Any, query: Any, fetch_k: int) -> Any:
        vectors = [None if i == 7 else corpus.vectors[i] for i in range(5, 10)]
        return hits_of(documents, vectors, query)

    with pytest.raises(
        ValueError, match=rf"1 of 5 hits came without a vector: ids \['{corpus.ids[7]}'"
    ):
        SIFTRetriever(store, adapter=adapter).invoke(corpus.queries[0])


def test_duplicate_ids_keep_different_chunks_and_drop_repeats(corpus: Corpus) -> None:
    documents = [Document(id="same", page_content=f"text {i}") for i in (0, 1, 1, 2)]

    def adapter(store: Any, query: Any, fetch_k: int) -> Any:
        return hits_of(documents, corpus.vectors[[0, 1, 1, 2]], query)

    found = SIFTRetriever(Foreign(corpus), adapter=adapter).invoke(corpus.queries[0])
    assert sorted(d.page_content for d in found) == ["text 0", "text 1", "text 2"]


@pytest.mark.filterwarnings("ignore::langchain_sift.stores.ReembeddingWarning")
def test_a_retriever_can_be_pickled(corpus: Corpus) -> None:
    for built in (
        SIFTRetriever(CASES["InMemory"].filled(corpus), k=2),
        SIFTRetriever(Foreign(corpus), k=2, adapter=read_in_memory),
        SIFTRetriever(Foreign(corpus), k=2),
    ):
        want = built.invoke(corpus.queries[0])
        again = pickle.loads(pickle.dumps(built))
        assert again.invoke(corpus.queries[0]) == want
