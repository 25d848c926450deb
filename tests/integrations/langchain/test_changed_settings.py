"""Settings that change after a retriever was made."""

from __future__ import annotations

from typing import Any

import pytest
from corpus import Corpus
from langchain_core.documents import Document
from langchain_core.runnables import ConfigurableField
from langchain_core.vectorstores import InMemoryVectorStore
from pydantic import ValidationError
from store_cases import CASES

from langchain_sift import SIFTCompressor, SIFTRetriever


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


def test_a_configured_k_above_the_default_fetch_k(memory: InMemoryVectorStore) -> None:
    """configurable_fields makes a retriever of all fields, fetch_k among them."""
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
