"""Bad input to `SIFTRetriever`: a clear error, and nothing lost."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from corpus import Corpus, TableEmbeddings
from langchain_core.documents import Document
from langchain_core.vectorstores import InMemoryVectorStore
from pydantic import ValidationError
from store_cases import CASES
from tensors import needs_torch

from langchain_sift import SIFTCompressor, SIFTRetriever
from langchain_sift.stores import StoreReader, hits_of


@pytest.fixture
def memory(corpus: Corpus) -> InMemoryVectorStore:
    return CASES["InMemory"].filled(corpus)  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"k": 0}, "k must be a whole number of at least 1; got 0"),
        ({"k": True}, "k must be a whole number of at least 1; got True"),
        ({"fetch_k": 0}, "fetch_k must be a whole number of at least 1; got 0"),
        ({"fetch_k": "9"}, "fetch_k must be a whole number of at least 1; got '9'"),
        pytest.param({"device": "gpu"}, "device must be one that torch has", marks=needs_torch),
        ({"k": 5, "fetch_k": 4}, "fetch_k must be at least k.*fetch_k=4 and k=5"),
        ({"lambda_": 0.0}, r"lambda_ must be positive and finite; got 0\.0"),
        ({"lambda_": -1.0}, r"lambda_ must be positive and finite; got -1\.0"),
        ({"lambda_": float("nan")}, "lambda_ must be positive and finite; got nan"),
        ({"lambda_": float("inf")}, "lambda_ must be positive and finite; got inf"),
        ({"kernel": "euclid"}, "kernel must be one of .*cosine.*got 'euclid'"),
        ({"lambda_mult": 0.5}, "lambda_mult has no equal here: lambda_ punishes repetition"),
        ({"search_type": "mmr"}, "search_type has no equal here, since SIFT is the search"),
        ({"colour": "red"}, "colour\n.*Extra inputs are not permitted"),
        ({"search_kwargs": {"k": 3}}, r"got \['k'\]: pass them to SIFTRetriever itself"),
        ({"search_kwargs": {"lambda_mult": 3}}, r"lambda_mult has no equal here"),
        ({"timeout": 0}, "timeout must be positive and finite; got 0"),
        ({"timeout": "soon"}, "timeout must be a positive number; got 'soon'"),
        ({"min_gain": True}, "min_gain must be a number; got True"),
        ({"timeout": True}, "timeout must be a positive number; got True"),
        ({"embedding": "minilm"}, "embedding must be an embedding model.* got str 'minilm'"),
        ({"adapter": StoreReader}, "adapter must define search; StoreReader does not"),
        ({"adapter": 3}, "adapter must be a langchain_sift.stores.StoreReader.* got 3"),
    ],
)
def test_constructor_arguments(
    memory: InMemoryVectorStore, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError, match=f"(?s){message}"):
        SIFTRetriever(memory, **arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"k": 0}, "k must be a whole number of at least 1; got 0"),
        ({"fetch_k": 50.5}, r"fetch_k must be a whole number of at least 1; got 50\.5"),
        ({"lambda_": -0.1}, r"lambda_ must be positive and finite; got -0\.1"),
        ({"kernel": "euclid"}, "kernel must be one of .*got 'euclid'"),
        ({"objective": "best"}, "objective must be one of .*got 'best'"),
        ({"kernel": "cosine", "relevance": "words"}, "relevance= goes with kernel='phrases'"),
        ({"max_tokens": 5}, "max_tokens and token_counter go together"),
        ({"score_threshold": 7}, "between -1 and 1; got 7"),
        ({"timeout": -1}, "timeout must be positive and finite; got -1"),
        ({"min_gain": True}, "min_gain must be a positive number; got True"),
        ({"min_chance": True}, "min_chance must be a number from 0 to 1; got True"),
        ({"annotate": False}, r"got \['annotate'\].*configurable_fields"),
        (
            {"search_kwargs": {}},
            r"their own names \(filter=\.\.\. say\); got \['search_kwargs'\]",
        ),
        ({"search_type": "mmr"}, "search_type has no equal here"),
        ({"k": 101, "fetch_k": 100}, "fetch_k must be at least k.*fetch_k=100 and k=101"),
        ({"fetch_k": 3}, "fetch_k must be at least k.*fetch_k=3 and k=4"),
        ({"lambda_mult": 0.5}, "lambda_mult has no equal here: lambda_ punishes repetition"),
    ],
)
async def test_call_time_arguments(
    memory: InMemoryVectorStore, corpus: Corpus, arguments: dict[str, Any], message: str
) -> None:
    retriever = SIFTRetriever(memory)
    with pytest.raises(ValueError, match=message):
        retriever.invoke(corpus.queries[0], **arguments)
    with pytest.raises(ValueError, match=message):
        await retriever.ainvoke(corpus.queries[0], **arguments)
    assert len(retriever.invoke(corpus.queries[0])) == 4


def test_what_is_no_tuner(memory: InMemoryVectorStore) -> None:
    pytest.importorskip("peft")
    with pytest.raises(ValidationError, match="fine_tune must be a TestTimeTuner; got str"):
        SIFTRetriever(memory, fine_tune="yes")
    with pytest.raises(ValidationError, match="fine_tune must be a TestTimeTuner; got str"):
        SIFTCompressor(vectorstore=memory, fine_tune="yes")


@pytest.mark.parametrize("query", [{"question": "q"}, ["a", "b"], None, 3])
async def test_a_query_that_is_no_text(memory: InMemoryVectorStore, query: Any) -> None:
    retriever = SIFTRetriever(memory)
    with pytest.raises(TypeError, match=r"the query must be a text; got .*go into targets="):
        retriever.invoke(query)
    with pytest.raises(TypeError, match="the query must be a text"):
        await retriever.ainvoke(query)


def test_a_retriever_in_place_of_a_store(memory: InMemoryVectorStore) -> None:
    with pytest.raises(ValueError, match=r"got a retriever .*pass the store itself"):
        SIFTRetriever(memory.as_retriever())
    with pytest.raises(ValueError, match="lambda_mult has no equal here"):
        SIFTCompressor(vectorstore=memory, lambda_mult=0.5)


def test_sizes_may_be_numpy_integers(memory: InMemoryVectorStore, corpus: Corpus) -> None:
    retriever = SIFTRetriever(memory, k=np.int64(3), fetch_k=np.int32(20))
    assert [type(retriever.k), type(retriever.fetch_k)] == [int, int]
    assert len(retriever.invoke(corpus.queries[0])) == 3
    assert len(retriever.invoke(corpus.queries[0], k=np.int16(2), fetch_k=np.uint8(9))) == 2


def test_something_that_is_no_store() -> None:
    with pytest.raises(ValueError, match=r"no reader knows how builtins\.list.*adapter=.*Chroma"):
        SIFTRetriever([])


def test_a_store_without_embeddings(corpus: Corpus) -> None:
    store = InMemoryVectorStore(None)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"InMemoryVectorStore has no embedding.*embedding=\.\.\."):
        SIFTRetriever(store)
    assert SIFTRetriever(store, embedding=corpus.embeddings).invoke(corpus.queries[0]) == []


def test_a_filter_of_the_wrong_kind(memory: InMemoryVectorStore, corpus: Corpus) -> None:
    with pytest.raises(TypeError, match=r"must be a callable on a Document; got dict"):
        SIFTRetriever(memory, search_kwargs={"filter": {"parity": "even"}}).invoke(
            corpus.queries[0]
        )


class QueriesOnly:
    """Not an `Embeddings`: has one of its methods."""

    def __init__(self, corpus: Corpus) -> None:
        self.table = corpus.embeddings.table

    def embed_query(self, text: str) -> Any:
        return self.table[text]  # an array, not a list


async def test_a_model_that_has_only_what_is_needed(
    memory: InMemoryVectorStore, corpus: Corpus
) -> None:
    retriever = SIFTRetriever(memory, embedding=QueriesOnly(corpus))
    want = SIFTRetriever(memory).invoke(corpus.queries[0])
    assert retriever.invoke(corpus.queries[0]) == want
    assert await retriever.ainvoke(corpus.queries[0]) == want
    assert retriever.batch(corpus.queries[:2])[0] == want

    class Unread(InMemoryVectorStore):
        def similarity_search(self, *args: Any, **kwargs: Any) -> Any:
            return []

    with pytest.raises(ValueError, match=r"QueriesOnly has no embed_documents .*adapter=\.\.\."):
        SIFTRetriever(Unread(corpus.embeddings), embedding=QueriesOnly(corpus))
    with pytest.raises(ValueError, match=r"embedding must be an embedding model.*got int 3"):
        SIFTRetriever(memory, embedding=3)


class EmbeddingError(Exception):
    pass


class FailingEmbeddings(TableEmbeddings):
    def embed_query(self, text: str) -> list[float]:
        raise EmbeddingError("the model is gone")


async def test_the_embedding_models_own_exception_comes_through(
    memory: InMemoryVectorStore,
) -> None:
    retriever = SIFTRetriever(memory, embedding=FailingEmbeddings({}))
    with pytest.raises(EmbeddingError, match="the model is gone"):
        retriever.invoke("anything")
    with pytest.raises(EmbeddingError, match="the model is gone"):
        await retriever.ainvoke("anything")


class AsyncQueries(TableEmbeddings):
    """Its embed_query is a coroutine function, as it must not be."""

    async def embed_query(self, text: str) -> list[float]:  # type: ignore[override]
        await asyncio.sleep(0)
        return [float(value) for value in self.table[text]]

    async def embed_documents(self, texts: list[str]) -> list[list[float]]:  # type: ignore[override]
        await asyncio.sleep(0)
        return super().embed_documents(texts)


@pytest.mark.filterwarnings("error")
async def test_a_coroutine_as_embedding_works_on_a_loop(
    memory: InMemoryVectorStore, corpus: Corpus
) -> None:
    retriever = SIFTRetriever(memory, embedding=AsyncQueries(corpus.embeddings.table))
    with pytest.raises(TypeError, match="a function of AsyncQueries returned a coroutine"):
        retriever.invoke(corpus.queries[0])
    want = SIFTRetriever(memory).invoke(corpus.queries[0])
    assert await retriever.ainvoke(corpus.queries[0]) == want
    compressor = SIFTCompressor(embedding=AsyncQueries(corpus.embeddings.table))
    assert len(await compressor.acompress_documents(corpus.documents(), corpus.queries[0])) == 4


@needs_torch
@pytest.mark.parametrize("kind", ["bfloat16", "gradient", "rows"])
async def test_tensors_as_embeddings(
    memory: InMemoryVectorStore, corpus: Corpus, kind: str
) -> None:
    import torch

    class Tensors(TableEmbeddings):
        def embed_query(self, text: str) -> Any:
            vector = torch.tensor(self.table[text], requires_grad=kind == "gradient")
            return vector.bfloat16() if kind == "bfloat16" else vector

        def embed_documents(self, texts: list[str]) -> Any:
            return torch.stack([self.embed_query(text) for text in texts])

    retriever = SIFTRetriever(memory, embedding=Tensors(corpus.embeddings.table))
    want = [document.id for document in SIFTRetriever(memory).invoke(corpus.queries[0])]
    assert [document.id for document in retriever.invoke(corpus.queries[0])] == want
    assert [document.id for document in await retriever.ainvoke(corpus.queries[0])] == want
    assert [document.id for document in retriever.batch(corpus.queries)[0]] == want
    compressor = SIFTCompressor(embedding=Tensors(corpus.embeddings.table))
    assert len(compressor.compress_documents(corpus.documents(), corpus.queries[0])) == 4


def test_documents_without_a_text(memory: InMemoryVectorStore, corpus: Corpus) -> None:
    missing = Document.model_construct(id="none", page_content=None, metadata={"number": -1})

    def adapter(store: Any, query: Any, fetch_k: int) -> Any:
        documents = [missing, *corpus.documents()[:9]]
        return hits_of(documents, np.vstack([query[None], corpus.vectors[:9]]), query)

    found = SIFTRetriever(memory, adapter=adapter, k=10).invoke(corpus.queries[0])
    assert {document.id: document.page_content for document in found}["none"] == ""
    corpus.embeddings.table[""] = corpus.vectors[0]
    compressor = SIFTCompressor(embedding=corpus.embeddings, k=10)
    chosen = compressor.compress_documents([missing, *corpus.documents()[:9]], corpus.queries[0])
    assert "" in [document.page_content for document in chosen]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda hits: 3, "the hits of InMemoryVectorStore must be Hits; got int"),
        (lambda hits: [hits], "must be Hits; got list"),
        ({"vectors": [[1.0] * 12] * 9}, "vectors in an array of floats; got list"),
        ({"vectors": np.ones((9, 12), dtype=np.int64)}, "vectors in an array of floats; got int64"),
        ({"vectors": np.ones((9, 5), dtype=np.float32)}, "dimension 12: is .embedding. the model"),
        ({"ids": ["a"]}, "9 vectors and 1 ids"),
        ({"texts": [None] * 9}, r"as texts.*got NoneType for hit 0"),
        ({"metadata": []}, "9 vectors and 0 metadata"),
    ],
)
async def test_hits_of_the_wrong_kinds(
    memory: InMemoryVectorStore, corpus: Corpus, change: Any, message: str
) -> None:
    def adapter(store: Any, query: Any, fetch_k: int) -> Any:
        hits = hits_of(corpus.documents()[:9], corpus.vectors[:9], query)
        return change(hits) if callable(change) else replace(hits, **change)

    retriever = SIFTRetriever(memory, adapter=adapter)
    for call in (retriever.invoke, retriever.explain):
        with pytest.raises((TypeError, ValueError), match=message) as caught:
            call(corpus.queries[0])
        assert "from InMemoryVectorStore" in caught.value.__notes__[0]
    with pytest.raises((TypeError, ValueError), match=message):
        await retriever.ainvoke(corpus.queries[0])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_query_vector_that_is_not_finite(
    memory: InMemoryVectorStore, corpus: Corpus, bad: float
) -> None:
    corpus.embeddings.table["bad"] = corpus.query_vector().copy()
    corpus.embeddings.table["bad"][3] = bad
    with pytest.raises(ValueError, match=r"one finite vector that is not zero; .* 1 NaN or inf"):
        SIFTRetriever(memory).invoke("bad")


def test_a_zero_query_vector(memory: InMemoryVectorStore, corpus: Corpus) -> None:
    corpus.embeddings.table["zero"] = np.zeros(12, dtype=np.float32)
    with pytest.raises(ValueError, match="one finite vector that is not zero"):
        SIFTRetriever(memory).invoke("zero")


def test_stored_vectors_that_are_not_finite(memory: InMemoryVectorStore, corpus: Corpus) -> None:
    memory.store[corpus.ids[7]]["vector"][0] = float("nan")
    retriever = SIFTRetriever(memory, fetch_k=60)
    with pytest.raises(
        ValueError, match=rf"NaN or infinite.* 1 of 60 hits: ids \['{corpus.ids[7]}'\]"
    ):
        retriever.invoke(corpus.queries[0])


@pytest.mark.parametrize("store_name", ["InMemory", "FAISS", "Chroma"])
def test_a_stored_zero_vector_carries_no_information(store_name: str, corpus: Corpus) -> None:
    corpus.vectors[5] = 0
    retriever = SIFTRetriever(CASES[store_name].filled(corpus), k=60, relevance="vectors")
    found = {d.metadata["number"]: d.metadata["sift"] for d in retriever.invoke(corpus.queries[0])}
    assert found[5]["information_gain"] == 0
    assert found[5]["similarity"] == 0
    assert found[5]["rank"] > 10
