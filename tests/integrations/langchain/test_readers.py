"""Which reader a store gets: the user's, a registered one, one that embeds again; or an error."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from corpus import Corpus
from foreign import Foreign, as_in_a_new_process, ids
from langchain_core.documents import Document
from langchain_core.vectorstores import InMemoryVectorStore
from store_cases import CASES

from langchain_sift import SIFTRetriever
from langchain_sift.stores import (
    StoredVector,
    StoreReader,
    check_store,
    hits_of,
    register_reader,
    stored_vectors,
)
from langchain_sift.stores.in_memory import InMemoryReader
from sift_retrievers.retrieval import Hits
from sift_retrievers.retrieval.work import Direct, finished


@pytest.fixture(autouse=True)
def _as_in_a_new_process() -> Iterator[None]:
    with as_in_a_new_process():
        yield


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


class ForeignReader(StoreReader[Document]):
    """A reader as a user writes it."""

    def search(self, query: Any, fetch_k: int, *, odd: bool = False) -> Hits[Document]:
        return read_in_memory(self.store, query, fetch_k, odd)

    def vectors_by_id(self, ids: Any) -> dict[str, StoredVector]:
        return InMemoryReader(self.store.inner).vectors_by_id(ids)


@pytest.mark.parametrize("as_instance", [False, True])
def test_a_reader_of_the_users_own(corpus: Corpus, as_instance: bool) -> None:
    store = Foreign(corpus)
    adapter = ForeignReader(store) if as_instance else ForeignReader
    retriever = SIFTRetriever(store, adapter=adapter)
    want = SIFTRetriever(store.inner).invoke(corpus.queries[0])
    assert retriever.invoke(corpus.queries[0]) == want
    odd = retriever.invoke(corpus.queries[0], odd=True)
    assert {d.metadata["parity"] for d in odd} == {"odd"}
    with pytest.raises(TypeError, match=r"search_kwargs of Foreign may hold \['odd'\]; got"):
        retriever.invoke(corpus.queries[0], even=True)


def test_an_adapter_that_is_none(corpus: Corpus) -> None:
    store, model = Foreign(corpus), corpus.embeddings
    with pytest.raises(TypeError, match=r"adapter must be a .*StoreReader .*; got 3"):
        check_store(store, 3, model)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"adapter must be a .*StoreReader .*; got <class 'dict'>"):
        check_store(store, dict, model)  # type: ignore[arg-type]
    other = ForeignReader(Foreign(corpus))
    with pytest.raises(TypeError, match="adapter reads another store"):
        check_store(store, other, model)


def test_what_is_no_store(corpus: Corpus) -> None:
    retriever = CASES["InMemory"].filled(corpus).as_retriever()
    with pytest.raises(TypeError, match=r"got a retriever .* pass the store itself"):
        check_store(retriever, None, corpus.embeddings)
    with pytest.raises(TypeError, match=r"no reader knows how builtins.int .* for Annoy, "):
        check_store(3, None, corpus.embeddings)
    with pytest.raises(TypeError, match=r"Foreign has no embedding model of its own"):
        check_store(Foreign(corpus), None, None)


@pytest.mark.parametrize("key", ["Foreign", Foreign])
def test_a_registered_reader_serves_the_class_and_its_subclasses(corpus: Corpus, key: Any) -> None:
    register_reader(key)(ForeignReader)

    class Mine(Foreign):
        pass

    want = ids(SIFTRetriever(Foreign(corpus).inner).invoke(corpus.queries[0]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ids(SIFTRetriever(Mine(corpus)).invoke(corpus.queries[0])) == want


def test_a_registered_reader_goes_before_ours(corpus: Corpus) -> None:
    @register_reader(InMemoryVectorStore)
    class Nothing(StoreReader[Document]):
        def search(self, query: Any, fetch_k: int) -> Hits[Document]:
            return hits_of([], [], query)

    assert SIFTRetriever(CASES["InMemory"].filled(corpus)).invoke(corpus.queries[0]) == []


def test_registering_nothing() -> None:
    with pytest.raises(TypeError, match=r'as in @register_reader\("MyStore"\); got \(\)'):
        register_reader()
    with pytest.raises(TypeError, match="a reader is a subclass of StoreReader; got 3"):
        register_reader("Store")(3)  # type: ignore[type-var]
    with pytest.raises(TypeError, match="a reader is a subclass of StoreReader; got <function"):
        register_reader("Store")(read_in_memory)  # type: ignore[type-var]


def test_vectors_of_documents_that_somebody_replaced_are_not_taken(corpus: Corpus) -> None:
    store = CASES["InMemory"].filled(corpus)
    documents = store.similarity_search(corpus.queries[0], k=3)
    documents[1].page_content = "what it was before"
    documents[2].id = "unknown"
    vectors, note = finished(stored_vectors(Direct(), store, documents))
    assert vectors[0] == store.store[documents[0].id]["vector"]
    assert vectors[1:] == [None, None]
    assert note is None


def test_a_text_that_is_none(corpus: Corpus) -> None:
    documents = [Document(id="a", page_content="A"), Document(id="b", page_content="B")]
    documents[1].page_content = None  # type: ignore[assignment]
    hits = hits_of(documents, np.ones((2, 12), dtype=np.float32), corpus.query_vector())
    assert hits.texts == ["A", ""]
    assert hits.document(1).page_content == ""
    assert documents[1].page_content is None  # the store's own object stays as it is


def adapter_returning(result: Any) -> Any:
    def adapter(store: Any, query: Any, fetch_k: int) -> Any:
        if isinstance(result, Exception):
            raise result
        return result

    return adapter


def two(**changes: Any) -> Hits[Document]:
    documents = [Document(id="a", page_content="A"), Document(id="b", page_content="B")]
    hits = hits_of(documents, np.ones((2, 12), dtype=np.float32), np.ones(12, dtype=np.float32))
    return replace(hits, **changes)


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ([Document(page_content="a")], "must be Hits; got list"),
        (two(vectors=np.ones((2, 5), dtype=np.float32)), r"shape \(5,\).* dimension 12"),
        (two(vectors=np.full((2, 12), np.nan, dtype=np.float32)), r"2 of 2 hits: ids \['a', 'b'\]"),
        (two(vectors=[[1.0] * 12] * 2), "must have vectors in an array of floats; got list"),
        (two(ids=["a"]), "have 2 vectors and 1 ids"),
        (two(texts=["A", None]), r"as texts.*got NoneType for hit 1"),
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
