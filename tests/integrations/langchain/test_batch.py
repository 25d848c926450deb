"""Batches: queries are embedded together where that gives the same vectors, and only there."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from corpus import Corpus, TableEmbeddings
from store_cases import CASES

from langchain_sift import SIFTRetriever


class Counting(TableEmbeddings):
    """Counts the calls of either kind."""

    prefix = 1.0

    def __init__(self, table: Any) -> None:
        super().__init__(table)
        self.calls: list[Any] = []
        self.lock = threading.Lock()

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        with self.lock:
            self.calls.append([*texts])
        return super().embed_documents(texts)

    def embed_query(self, text: str) -> list[float]:
        with self.lock:
            self.calls.append(text)
        return [value * self.prefix if i else value for i, value in enumerate(self.table[text])]


class Asymmetric(Counting):
    """As models are that put "query: " before a query: another vector than for a document."""

    prefix = 0.5


def retriever_with(model: TableEmbeddings, corpus: Corpus) -> SIFTRetriever:
    return SIFTRetriever(CASES["InMemory"].filled(corpus), embedding=model)


@pytest.mark.parametrize("asynchronous", [False, True])
def test_queries_are_embedded_in_one_call(corpus: Corpus, asynchronous: bool) -> None:
    model = Counting(corpus.embeddings.table)
    retriever = retriever_with(model, corpus)
    serial = [retriever.invoke(query) for query in corpus.queries]
    model.calls.clear()

    def batch(queries: list[str]) -> Any:
        return asyncio.run(retriever.abatch(queries)) if asynchronous else retriever.batch(queries)

    assert batch(corpus.queries) == serial
    # One call, and one more, the first time, to see that both kinds of call give the same.
    assert model.calls == [corpus.queries, corpus.queries[0]]
    model.calls.clear()
    assert batch(corpus.queries * 2) == serial * 2
    assert model.calls == [corpus.queries]


def test_a_model_that_treats_queries_differently_gets_them_one_by_one(corpus: Corpus) -> None:
    model = Asymmetric(corpus.embeddings.table)
    retriever = retriever_with(model, corpus)
    serial = [retriever.invoke(query) for query in corpus.queries]
    model.calls.clear()
    assert retriever.batch(corpus.queries) == serial
    assert sum(isinstance(call, list) for call in model.calls) == 1  # the trial
    model.calls.clear()
    assert retriever.batch(corpus.queries) == serial
    assert sorted(model.calls) == corpus.queries


def test_a_model_put_in_place_of_another_is_tried_anew(corpus: Corpus) -> None:
    retriever = retriever_with(Counting(corpus.embeddings.table), corpus)
    retriever.batch(corpus.queries)
    changed = retriever.model_copy(update={"embedding": Asymmetric(corpus.embeddings.table)})
    assert changed.batch(corpus.queries) == [changed.invoke(query) for query in corpus.queries]


def test_a_query_that_fails_fails_alone(corpus: Corpus) -> None:
    model = Counting(corpus.embeddings.table)
    retriever = retriever_with(model, corpus)
    good = retriever.invoke(corpus.queries[0])
    found = retriever.batch([corpus.queries[0], "not in the table"], return_exceptions=True)
    assert found[0] == good
    assert isinstance(found[1], KeyError)
    with pytest.raises(KeyError, match="not in the table"):
        retriever.batch([corpus.queries[0], "not in the table"])


def test_a_model_that_stores_what_it_embeds_never_gets_queries_as_documents(
    corpus: Corpus,
) -> None:
    classic = pytest.importorskip("langchain_classic.embeddings")
    stores = pytest.importorskip("langchain_core.stores")
    cached = classic.CacheBackedEmbeddings.from_bytes_store(
        corpus.embeddings, stores.InMemoryByteStore(), namespace="m", key_encoder="sha256"
    )
    retriever = SIFTRetriever(CASES["InMemory"].filled(corpus), embedding=cached)
    assert len(retriever.batch(corpus.queries)) == 5
    assert [*cached.document_embedding_store.yield_keys()] == []


def test_other_retrievers_inside_a_batch_use_their_own_model(corpus: Corpus) -> None:
    """The vectors of a batch must not be taken for those of another model."""
    other = TableEmbeddings({query: corpus.query_vector(4) for query in corpus.queries})
    inner = SIFTRetriever(CASES["InMemory"].filled(corpus), embedding=other)
    want = inner.invoke(corpus.queries[0])
    seen: list[Any] = []

    def filter_that_retrieves(document: Any) -> bool:
        if not seen:
            seen.append(inner.invoke(corpus.queries[0]))
        return True

    outer = SIFTRetriever(
        CASES["InMemory"].filled(corpus), search_kwargs={"filter": filter_that_retrieves}
    )
    outer.batch(corpus.queries)
    assert seen[0] == want


def test_configs_and_call_time_arguments_of_a_batch(corpus: Corpus) -> None:
    retriever = SIFTRetriever(CASES["InMemory"].filled(corpus))
    found = retriever.batch(corpus.queries, {"max_concurrency": 2}, k=2)
    assert [len(documents) for documents in found] == [2] * 5
    assert retriever.batch([]) == []
    assert asyncio.run(retriever.abatch([])) == []
