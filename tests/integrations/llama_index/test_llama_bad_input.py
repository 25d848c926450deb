"""Arguments and queries that make no sense get an error that says so; odd ones that do work."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from corpus import Corpus
from llama_cases import TableEmbedding, model_of, nodes_of
from llama_index.core import StorageContext, VectorStoreIndex
from llama_index.core.schema import QueryBundle
from llama_index.core.vector_stores.types import VectorStoreQuery

from llama_index.postprocessor.sift import SIFTRerank
from llama_index.retrievers.sift import SIFTRetriever
from sift_retrievers.witnesses import Witnesses


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"similarity_top_k": 0}, "similarity_top_k must be a whole number of at least 1; got 0"),
        ({"fetch_top_k": 3}, "fetch_top_k must be at least similarity_top_k.*fetch_top_k=3"),
        ({"lambda_": 0.0}, r"lambda_ must be positive and finite; got 0\.0"),
        ({"kernel": "euclid"}, "kernel must be one of"),
        ({"objective": "best"}, "objective must be one of .*got 'best'"),
        ({"device": "gpu"}, "device must be one that torch has"),
        ({"stop_alpha": -1.0}, "alpha must be positive and finite"),
        ({"min_gain": 0.0}, "min_gain must be positive and finite"),
        ({"min_novelty": 1.5}, r"min_novelty must be from 0 to 1; got 1\.5"),
        ({"min_chance": -0.1}, r"min_chance must be from 0 to 1; got -0\.1"),
        ({"relevance": "word"}, "relevance must be one of .*got 'word'"),
        ({"relevance": "words", "kernel": "cosine"}, "relevance= goes with kernel='phrases'"),
        (
            {"kernel": "phrases", "objective": "variance"},
            """the kernel 'phrases' has the objective "undirected"; got 'variance'""",
        ),
        ({"title": ["title", 3]}, r"title must be a metadata key.*got \['title', 3\]"),
        ({"max_tokens": 0}, "max_tokens must be a whole number of at least 1"),
        ({"similarity_cutoff": 2.0}, r"between -1 and 1; got 2\.0"),
        ({"similarity_top_k": 2.5}, "similarity_top_k must be a whole number"),
        ({"timeout": 0.0}, r"timeout must be positive and finite; got 0\.0"),
        ({"min_gain": True}, "min_gain must be a number; got True"),
        ({"timeout": True}, "timeout must be a number; got True"),
        ({"max_tokens": True}, "max_tokens must be a number; got True"),
        ({"min_gain": "much"}, "min_gain: Input should be a valid number"),
        ({"distinct_by": 5}, "distinct_by"),
        ({"vector_store_query_mode": "mmr"}, "SIFT chooses from the nearest nodes itself"),
    ],
)
def test_settings_that_make_no_sense(
    simple: VectorStoreIndex, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=f"(?s){message}"):
        SIFTRetriever(simple, **arguments)


def test_what_is_no_tuner(simple: VectorStoreIndex) -> None:
    pytest.importorskip("peft")
    with pytest.raises(ValueError, match="fine_tune must be a TestTimeTuner; got str"):
        SIFTRetriever(simple, fine_tune="yes")  # type: ignore[arg-type]


def test_a_relevance_that_is_none(simple: VectorStoreIndex) -> None:
    with pytest.raises(TypeError, match=r"a function \(question, texts\) → scores, or.*got int"):
        SIFTRetriever(simple, relevance=5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"finite number of at least 0; got words=-1"):
        SIFTRetriever(simple, relevance=Witnesses(words=-1))


def test_something_that_is_no_index() -> None:
    with pytest.raises(TypeError, match="takes a VectorStoreIndex or a vector store; got list"):
        SIFTRetriever([])  # type: ignore[arg-type]


def test_a_retriever_in_place_of_its_index(simple: VectorStoreIndex) -> None:
    retriever: Any = simple.as_retriever()
    with pytest.raises(
        TypeError, match="got VectorIndexRetriever: pass the index that it searches"
    ):
        SIFTRetriever(retriever)


def test_an_index_in_place_of_its_store(simple: VectorStoreIndex) -> None:
    with pytest.raises(ValueError, match=r"must be a store: pass index\.vector_store"):
        SIFTRerank(vector_store=simple)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("lambda_mult", "SIFTRetriever takes no argument 'lambda_mult'; did you mean 'lambda_'?"),
        ("relevence", "did you mean 'relevance'?"),
        ("k", "takes no argument 'k'; did you mean 'similarity_top_k'?"),
        ("fetch_k", "did you mean 'fetch_top_k'?"),
        ("score_threshold", "did you mean 'similarity_cutoff'?"),
        ("qqq", "takes no argument 'qqq'; its settings are"),
    ],
)
def test_an_argument_that_there_is_not(simple: VectorStoreIndex, name: str, message: str) -> None:
    unknown: Any = {name: 0.5}
    with pytest.raises(TypeError) as caught:
        SIFTRetriever(simple, **unknown)
    assert message in str(caught.value)
    with pytest.raises(TypeError) as caught:
        SIFTRetriever(simple).with_settings(**unknown)
    assert message in str(caught.value)


def test_numbers_of_numpy(simple: VectorStoreIndex, corpus: Corpus) -> None:
    """Sizes and settings that come out of arrays."""
    three, ten = np.arange(11)[[3, 10]]
    settings: dict[str, Any] = {
        "lambda_": np.float32(0.5),
        "max_tokens": np.int64(1000),
        "token_counter": len,
        "annotate": np.True_,
    }
    retriever = SIFTRetriever(simple, three, ten, **settings)
    found = retriever.retrieve(corpus.queries[0])
    assert len(found) == 3
    retriever.similarity_top_k = np.int64(5)  # type: ignore[assignment]
    assert len(retriever.retrieve(corpus.queries[0])) == 5
    nearest = simple.as_retriever(similarity_top_k=20).retrieve(corpus.queries[0])
    rerank = SIFTRerank(top_n=three, embed_model=model_of(simple), **settings)
    model_of(simple).sealed = False
    assert len(rerank.postprocess_nodes(nearest, query_str=corpus.queries[0])) == 3


def test_sizes_that_are_set_later_are_checked(simple: VectorStoreIndex, corpus: Corpus) -> None:
    retriever = SIFTRetriever(simple, 5)
    retriever.fetch_top_k = 3
    with pytest.raises(ValueError, match="fetch_top_k must be at least similarity_top_k"):
        retriever.retrieve(corpus.queries[0])


@pytest.mark.parametrize("query", [None, 5, ["a", "b"]])
def test_what_is_no_query(simple: VectorStoreIndex, query: Any) -> None:
    with pytest.raises(TypeError, match="a query is a text or a QueryBundle; got"):
        SIFTRetriever(simple).explain(query)


class Promises(TableEmbedding):
    """A model whose plain method is a coroutine function."""

    async def _get_query_embedding(self, query: str) -> list[float]:  # type: ignore[override]
        return super()._get_query_embedding(query)


@pytest.mark.filterwarnings("ignore:coroutine.*never awaited")
def test_a_coroutine_as_embedding(corpus: Corpus) -> None:
    index = VectorStoreIndex(nodes_of(corpus), embed_model=Promises(corpus))
    with pytest.raises((TypeError, ValueError), match="coroutine"):
        SIFTRetriever(index).retrieve(corpus.queries[0])
    later = QueryBundle("q", embedding=Promises(corpus)._get_query_embedding("query 0"))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="must be a vector; got a coroutine"):
        SIFTRetriever(index).retrieve(later)


def test_nodes_without_text(corpus: Corpus) -> None:
    nodes = nodes_of(corpus)
    index = VectorStoreIndex(nodes, embed_model=TableEmbedding(corpus))
    for node in index.docstore.docs.values():
        node.__dict__["text"] = None
    nothing: Any = index.docstore.docs[corpus.ids[0]]
    index.docstore.add_documents([nothing.model_copy(update={"text_resource": None})])
    found = SIFTRetriever(index, 60, 60).retrieve(corpus.queries[0])
    assert len(found) == 60


def test_a_store_whose_index_has_lost_its_docstore(corpus: Corpus) -> None:
    full = VectorStoreIndex(nodes_of(corpus), embed_model=TableEmbedding(corpus))
    context = StorageContext.from_defaults(vector_store=full.vector_store)
    bare = VectorStoreIndex([], storage_context=context, embed_model=TableEmbedding(corpus))
    with pytest.raises(
        ValueError, match="holds no texts, and the index knows none of the 60 nodes"
    ):
        SIFTRetriever(bare).retrieve(corpus.queries[0])


@pytest.mark.parametrize(
    ("bundle", "message"),
    [
        (QueryBundle(""), "the query needs a text or an embedding"),
        (QueryBundle("q", custom_embedding_strs=[]), "the query needs a text or an embedding"),
        (QueryBundle("  \n"), "the query needs a text or an embedding"),
        (QueryBundle("q", custom_embedding_strs=["", " "]), "the query needs a text or an embed"),
        (QueryBundle("q", embedding=[]), r"one finite vector that is not zero; got shape \(0,\)"),
        (QueryBundle("q", embedding=[[1.0] * 12]), r"one finite vector .*got shape \(1, 12\)"),  # type: ignore[list-item]
        (QueryBundle("q", embedding=[1.0] * 5), "nearest to a vector of dimension 5 from Simple"),
        (QueryBundle("q", embedding=[0.0] * 12), "one finite vector that is not zero"),
        (QueryBundle("q", embedding=[float("nan")] * 12), "one finite vector that is not zero"),
    ],
)
def test_queries_that_ask_for_nothing(
    simple: VectorStoreIndex, bundle: QueryBundle, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        SIFTRetriever(simple).retrieve(bundle)


def test_an_empty_index(corpus: Corpus) -> None:
    index = VectorStoreIndex([], embed_model=TableEmbedding(corpus))
    assert SIFTRetriever(index).retrieve(corpus.queries[0]) == []


@pytest.mark.parametrize("filters", ["year", {"year": 2024}])
def test_filters_that_are_none(simple: VectorStoreIndex, filters: Any) -> None:
    with pytest.raises(TypeError, match="filters must be MetadataFilters; got"):
        SIFTRetriever(simple, filters=filters)


def test_the_default_fetch_top_k_grows(simple: VectorStoreIndex, corpus: Corpus) -> None:
    nodes = len(corpus.documents())
    assert len(SIFTRetriever(simple, 300).retrieve(corpus.queries[0])) == nodes
    for first in (4, 300):
        retriever = SIFTRetriever(simple, first)
        later = retriever.with_settings(similarity_top_k=500)
        assert len(later.retrieve(corpus.queries[0])) == nodes
        assert asked_for(retriever) == max(first, 200)
        assert asked_for(later) == 500
        assert asked_for(later.with_settings(similarity_top_k=2)) == 200
        retriever.similarity_top_k = 600
        assert asked_for(retriever) == 600
    for given in (100, 200):
        with pytest.raises(ValueError, match=f"fetch_top_k={given} and similarity_top_k=300"):
            SIFTRetriever(simple, 300, given)
        with pytest.raises(ValueError, match=f"fetch_top_k={given} and similarity_top_k=300"):
            SIFTRetriever(simple, 4, given).with_settings(similarity_top_k=300)


def asked_for(retriever: SIFTRetriever) -> int:
    """How many nodes the retriever asks the store for."""
    asked: list[int] = []
    store = retriever._index.vector_store
    query = type(store).query

    def recording(self: Any, given: VectorStoreQuery, **kwargs: Any) -> Any:
        asked.append(given.similarity_top_k)
        return query(self, given, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(store), "query", recording)
        retriever.retrieve("query 0")
    return asked[0]


async def returns_nothing(store: Any, ids: Any) -> dict[str, Any]:
    return {}


@pytest.mark.parametrize(
    ("adapter", "kind"), [(returns_nothing, "coroutine"), (lambda store, ids: None, "NoneType")]
)
async def test_an_adapter_that_returns_no_vectors(
    simple: VectorStoreIndex, corpus: Corpus, adapter: Any, kind: str
) -> None:
    retriever = SIFTRetriever(simple, adapter=adapter)
    message = rf"plain function that returns {{id: vector}}; it returned {kind}"
    with pytest.raises(TypeError, match=message):
        retriever.retrieve(corpus.queries[0])
    with pytest.raises(TypeError, match=message):
        await retriever.aretrieve(corpus.queries[0])


def test_what_a_reranker_does_not_take(simple: VectorStoreIndex, corpus: Corpus) -> None:
    with pytest.raises(ValueError, match="vector_store must be a store; got 'chroma'"):
        SIFTRerank(vector_store="chroma")
    rerank = SIFTRerank(embed_model=model_of(simple))
    rerank.top_n = 0
    nodes = simple.as_retriever(similarity_top_k=5).retrieve(corpus.queries[0])
    with pytest.raises(ValueError, match="top_n must be a whole number of at least 1; got 0"):
        rerank.postprocess_nodes(nodes, query_str=corpus.queries[0])
