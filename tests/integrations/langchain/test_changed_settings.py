"""Settings that change after a retriever was made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from corpus import Corpus
from langchain_core.documents import Document
from langchain_core.runnables import ConfigurableField
from langchain_core.vectorstores import InMemoryVectorStore
from pydantic import ValidationError
from store_cases import CASES

from langchain_sift import SIFTCompressor, SIFTRetriever
from langchain_sift.stores import reader_of


@pytest.fixture
def memory(corpus: Corpus) -> InMemoryVectorStore:
    return CASES["InMemory"].filled(corpus)  # type: ignore[no-any-return]


@pytest.mark.parametrize("changed", ["copied", "assigned"])
def test_a_k_that_nobody_checked(memory: InMemoryVectorStore, changed: str) -> None:
    """Pydantic checks neither copies nor assignments."""
    retriever: Any = SIFTRetriever(memory)
    if changed == "copied":
        retriever = retriever.model_copy(update={"k": 0})
    else:
        retriever.k = 0
    with pytest.raises(ValueError, match="k must be a whole number of at least 1; got 0"):
        retriever.invoke("query 0")


@pytest.fixture
def fetched() -> list[int]:
    """How many passages each search asked the store for."""
    return []


@pytest.fixture
def made(memory: InMemoryVectorStore, fetched: list[int]) -> Callable[..., SIFTRetriever]:
    """Makes retrievers that write down how many passages they ask for."""

    def search(store: Any, query: Any, fetch_k: int) -> Any:
        fetched.append(fetch_k)
        return reader_of(store).search(query, fetch_k)

    return lambda **settings: SIFTRetriever(memory, adapter=search, **settings)


def test_fetch_k_grows_with_k(made: Callable[..., SIFTRetriever], fetched: list[int]) -> None:
    """However k changes, and whatever k was before."""
    for first in (4, 300):
        retriever = made(k=first)
        assert retriever.fetch_k is None
        retriever.invoke("query 0")
        retriever.invoke("query 0", k=500)
        retriever.model_copy(update={"k": 500}).invoke("query 0")
        configurable = retriever.configurable_fields(k=ConfigurableField("k"))
        configurable.invoke("query 0", {"configurable": {"k": 500}})
        configurable.invoke("query 0", {"configurable": {"k": 3}})
        SIFTRetriever(**{**dict(retriever), "k": 500}).invoke("query 0")
        assert fetched == [max(first, 200), 500, 500, 500, 200, 500]
        fetched.clear()
    retriever.k = 600
    retriever.invoke("query 0")
    assert fetched == [600]


def test_a_fetch_k_that_was_given_stays(
    made: Callable[..., SIFTRetriever], fetched: list[int]
) -> None:
    retriever: Any = made(fetch_k=200)
    retriever.invoke("query 0")
    retriever.invoke("query 0", k=250)  # a call may ask for more
    assert fetched == [200, 250]
    with pytest.raises(ValidationError, match="got fetch_k=200 and k=250"):
        made(fetch_k=200, k=250)
    configurable = retriever.configurable_fields(k=ConfigurableField("k"))
    with pytest.raises(ValidationError, match="got fetch_k=200 and k=250"):
        configurable.invoke("query 0", {"configurable": {"k": 250}})
    retriever.fetch_k = 0
    with pytest.raises(ValueError, match="fetch_k must be a whole number of at least 1; got 0"):
        retriever.invoke("query 0")


def test_a_configured_k_is_checked(memory: InMemoryVectorStore) -> None:
    retriever = SIFTRetriever(memory).configurable_fields(k=ConfigurableField("k"))
    found = retriever.with_config(configurable={"k": 300}).invoke("query 0")
    assert len(found) == len(memory.store)
    with pytest.raises(ValidationError, match="k must be a whole number of at least 1; got 0"):
        retriever.with_config(configurable={"k": 0}).invoke("query 0")


def test_a_class_in_place_of_a_store() -> None:
    with pytest.raises(ValidationError, match="got the class InMemoryVectorStore in place of"):
        SIFTRetriever(InMemoryVectorStore)


@pytest.mark.parametrize("targets", [[None], ["a", None], [Document("a")]])
def test_targets_that_are_neither_text_nor_vector(
    memory: InMemoryVectorStore, targets: list[Any]
) -> None:
    with pytest.raises(TypeError, match=r"targets must be texts or vectors.* a list that holds"):
        SIFTRetriever(memory).invoke("query 0", targets=targets)


@pytest.mark.parametrize("documents", [None, "text", ["text"], [Document("a"), 3], iter(())])
async def test_what_a_compressor_does_not_take(corpus: Corpus, documents: Any) -> None:
    compressor = SIFTCompressor(embedding=corpus.embeddings)
    with pytest.raises(TypeError, match="documents must be a list of documents"):
        compressor.compress_documents(documents, "query 0")
    with pytest.raises(TypeError, match="documents must be a list of documents"):
        await compressor.acompress_documents(documents, "query 0")
