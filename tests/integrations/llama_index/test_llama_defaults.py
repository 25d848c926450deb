"""What `SIFTRetriever` and `SIFTRerank` do where nothing is said: `DEFAULT`, or by kernel."""

from __future__ import annotations

from typing import Any

import numpy as np
from corpus import Corpus
from llama_cases import model_of
from llama_index.core import VectorStoreIndex
from llama_index.core.schema import NodeWithScore
from uncertainty import uncertainty_along

from llama_index.postprocessor.sift import SIFTRerank
from llama_index.retrievers.sift import SIFTRetriever
from sift_retrievers import select
from sift_retrievers.calibration import DEFAULT
from sift_retrievers.kernels import resolve_kernel
from sift_retrievers.retrieval import SelectionRules


def pool(corpus: Corpus) -> list[int]:
    cosines = corpus.vectors @ corpus.query_vector() / np.linalg.norm(corpus.vectors, axis=1)
    return [int(j) for j in np.argsort(-cosines, kind="stable")]


def numbers(nodes: list[NodeWithScore]) -> list[int]:
    return [node.node.metadata["number"] for node in nodes]


def numbered(corpus: Corpus, k: int = 4, **options: Any) -> list[int]:
    order = pool(corpus)
    picks = select(corpus.query_vector(), corpus.vectors[order], k, **options).indices[0]
    return [order[i] for i in picks if i >= 0]


def shape(rules: SelectionRules) -> dict[str, Any]:
    return {
        "kernel": resolve_kernel(rules.kernel),
        "lambda_": rules.lambda_,
        "objective": rules.objective,
    }


def reranked(simple: VectorStoreIndex, corpus: Corpus, **settings: Any) -> list[NodeWithScore]:
    nearest = simple.as_retriever(similarity_top_k=60).retrieve(corpus.queries[0])
    rerank = SIFTRerank(embed_model=model_of(simple), vector_store=simple.vector_store, **settings)
    return rerank.postprocess_nodes(nearest, query_str=corpus.queries[0])


def test_the_default(simple: VectorStoreIndex, corpus: Corpus) -> None:
    retriever = SIFTRetriever(simple, 9)
    assert shape(retriever.rules) == shape(SIFTRerank().rules()) == DEFAULT.arguments
    want = numbered(corpus, 9, **DEFAULT.arguments)
    assert numbers(retriever.retrieve(corpus.queries[0])) == want
    assert numbers(reranked(simple, corpus, top_n=9)) == want
    said = SIFTRetriever(simple, 9, **DEFAULT.arguments).retrieve(corpus.queries[0])
    assert said == retriever.retrieve(corpus.queries[0])


def test_its_uncertainty(simple: VectorStoreIndex, corpus: Corpus) -> None:
    order = pool(corpus)
    retriever = SIFTRetriever(simple, 9)
    assert retriever.objective == DEFAULT.objective
    found = retriever.retrieve(corpus.queries[0])
    expected = uncertainty_along(
        corpus.query_vector(),
        corpus.vectors[order],
        [order.index(i) for i in numbers(found)],
        kernel=DEFAULT.kernel,
        lambda_=DEFAULT.lambda_,
    )
    for nodes in (found, reranked(simple, corpus, top_n=9)):
        uncertainty = [node.node.metadata["uncertainty"] for node in nodes]
        np.testing.assert_allclose(uncertainty, expected[1:], rtol=1e-6)
    explained = retriever.explain(corpus.queries[0])
    assert explained.uncertainty is not None
    np.testing.assert_allclose(explained.uncertainty, expected, rtol=1e-6)
    assert explained.settings["lambda_"] == DEFAULT.lambda_
    assert explained.settings["objective"] == DEFAULT.objective


def test_the_cosine_brings_what_sift_was_published_with(
    simple: VectorStoreIndex, corpus: Corpus
) -> None:
    retriever = SIFTRetriever(simple, kernel="cosine")
    assert (retriever.lambda_, retriever.objective) == (3.0, "variance")
    assert shape(SIFTRerank(kernel="cosine").rules()) == shape(retriever.rules)
    want = numbered(corpus, lambda_=3.0)
    assert numbers(retriever.retrieve(corpus.queries[0])) == want
    assert numbers(reranked(simple, corpus, kernel="cosine")) == want


def test_what_is_given_wins(simple: VectorStoreIndex) -> None:
    given: list[dict[str, Any]] = [
        {"lambda_": 0.7},
        {"objective": "entropy"},
        {"kernel": "cosine", "lambda_": 0.7, "objective": "undirected"},
    ]
    for settings in given:
        for rules in (SIFTRetriever(simple, **settings).rules, SIFTRerank(**settings).rules()):
            assert {name: getattr(rules, name) for name in settings} == settings
    assert SIFTRetriever(simple, lambda_=0.7).objective == DEFAULT.objective
    assert SIFTRetriever(simple, objective="entropy").lambda_ == DEFAULT.lambda_


def test_alpha_cuts_the_picks_of_the_default(simple: VectorStoreIndex, corpus: Corpus) -> None:
    retriever = SIFTRetriever(simple, 20, stop_alpha=0.9)
    want = DEFAULT.arguments
    assert shape(retriever.rules) == shape(SIFTRerank(stop_alpha=0.9).rules()) == want
    found = retriever.retrieve(corpus.queries[0])
    assert numbers(found) == numbered(corpus, 20, **want, alpha=0.9)
    # The alpha of a hybrid search is another one.
    assert SIFTRetriever(simple, alpha=0.5).rules.alpha is None


def test_a_rerank_made_again_from_its_own_fields(simple: VectorStoreIndex, corpus: Corpus) -> None:
    for given in ({}, {"kernel": "cosine"}, {"stop_alpha": 0.9}, {"lambda_": 0.7}):
        rerank = SIFTRerank(**given)
        fields = {name: getattr(rerank, name) for name in SIFTRerank.model_fields}
        for again in (SIFTRerank(**fields), rerank.model_copy()):
            assert shape(again.rules()) == shape(rerank.rules())
    rerank = SIFTRerank().model_copy(update={"kernel": "cosine"})
    assert shape(rerank.rules()) == shape(SIFTRerank(kernel="cosine").rules())
