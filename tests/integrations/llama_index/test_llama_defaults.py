"""What `SIFTRetriever` and `SIFTRerank` do where nothing is said, and what follows from what is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from corpus import Corpus
from llama_cases import model_of
from llama_index.core import VectorStoreIndex
from llama_index.core.schema import NodeWithScore
from uncertainty import uncertainty_along

from llama_index.postprocessor.sift import SIFTRerank
from llama_index.retrievers.sift import SIFTRetriever
from sift_retrievers import select
from sift_retrievers.calibration.configuration import DEFAULT
from sift_retrievers.coverage import cover
from sift_retrievers.kernels.names import resolve_kernel
from sift_retrievers.retrieval import SelectionRules
from sift_retrievers.retrieval.cosines import cosines
from sift_retrievers.retrieval.rules import PHRASES
from sift_retrievers.witnesses import Witnesses, phrase_coverage
from sift_retrievers.witnesses.relevance import NAMED_WITNESSES, combine_witnesses
from sift_retrievers.witnesses.texts import PassageTexts


def pool(corpus: Corpus) -> list[int]:
    cosines = corpus.vectors @ corpus.query_vector() / np.linalg.norm(corpus.vectors, axis=1)
    return [int(j) for j in np.argsort(-cosines, kind="stable")]


def numbers(nodes: list[NodeWithScore]) -> list[int]:
    return [node.node.metadata["number"] for node in nodes]


def numbered(corpus: Corpus, k: int = 4, **options: Any) -> list[int]:
    order = pool(corpus)
    picks = select(corpus.query_vector(), corpus.vectors[order], k, **options).indices
    return [order[i] for i in picks if i >= 0]


def by_both(corpus: Corpus, k: int) -> tuple[list[int], list[float]]:
    """Numbers and scores of the default, from the parts that it is made of."""
    order = pool(corpus)
    near = cosines(corpus.vectors[order], corpus.query_vector()[None])
    texts = [corpus.texts[i] for i in order]
    heard = combine_witnesses(near, [corpus.queries[0]], PassageTexts.read(texts), Witnesses())
    covered = cover(
        phrase_coverage(texts, corpus.queries[0], level=heard.chance), heard.total, k, lambda_=0.1
    )
    return [order[i] for i in covered.indices], covered.variance.tolist()


def shape(rules: SelectionRules) -> tuple[Any, ...]:
    return rules.witnesses, rules.chosen_kernel, rules.noise, rules.chosen_objective


def reranked(simple: VectorStoreIndex, corpus: Corpus, **settings: Any) -> list[NodeWithScore]:
    nearest = simple.as_retriever(similarity_top_k=60).retrieve(corpus.queries[0])
    rerank = SIFTRerank(embed_model=model_of(simple), vector_store=simple.vector_store, **settings)
    return rerank.postprocess_nodes(nearest, query_str=corpus.queries[0])


def test_the_default(simple: VectorStoreIndex, corpus: Corpus) -> None:
    retriever = SIFTRetriever(simple, 9)
    assert shape(retriever.rules) == shape(SIFTRerank().rules()) == shape(DEFAULT.rules)
    assert shape(retriever.rules) == (
        NAMED_WITNESSES["vectors+words"],
        PHRASES,
        0.1,
        "undirected",
    )
    want, scores = by_both(corpus, 9)
    found = retriever.retrieve(corpus.queries[0])
    assert numbers(found) == want
    np.testing.assert_allclose([node.score or 0.0 for node in found], scores, rtol=1e-6)
    assert numbers(reranked(simple, corpus, top_n=9)) == want
    for said in ({"relevance": "vectors+words"}, {"kernel": "phrases"}, DEFAULT.arguments):
        assert SIFTRetriever(simple, 9, **said).retrieve(corpus.queries[0]) == found


def test_by_the_vectors_it_is_version_0_1(simple: VectorStoreIndex, corpus: Corpus) -> None:
    want = numbered(corpus, 9, kernel="relevance", objective="undirected", lambda_=0.2)
    retriever = SIFTRetriever(simple, 9, relevance="vectors")
    found = retriever.retrieve(corpus.queries[0])
    assert numbers(found) == want
    assert numbers(reranked(simple, corpus, top_n=9, relevance="vectors")) == want
    assert all("word_share" not in node.node.metadata for node in found)
    assert by_both(corpus, 9)[0] != want


def test_the_uncertainty_is_what_the_scores_leave(simple: VectorStoreIndex, corpus: Corpus) -> None:
    for settings in ({}, {"relevance": "vectors"}):
        retriever = SIFTRetriever(simple, 9, **settings)
        found = retriever.retrieve(corpus.queries[0])
        left = np.cumprod([1 - (node.score or 0.0) for node in found])
        for nodes in (found, reranked(simple, corpus, top_n=9, **settings)):
            uncertainty = [node.node.metadata["uncertainty"] for node in nodes]
            np.testing.assert_allclose(uncertainty, left, rtol=1e-5)
        explained = retriever.explain(corpus.queries[0])
        assert explained.uncertainty is not None
        np.testing.assert_allclose(explained.uncertainty, [1.0, *left], rtol=1e-5)


def test_about_the_answer_it_is_the_variance(simple: VectorStoreIndex, corpus: Corpus) -> None:
    order = pool(corpus)
    found = SIFTRetriever(simple, 9, kernel="cosine").retrieve(corpus.queries[0])
    expected = uncertainty_along(
        corpus.query_vector(),
        corpus.vectors[order],
        [order.index(i) for i in numbers(found)],
        kernel="cosine",
        lambda_=3.0,
    )
    for nodes in (found, reranked(simple, corpus, top_n=9, kernel="cosine")):
        uncertainty = [node.node.metadata["uncertainty"] for node in nodes]
        np.testing.assert_allclose(uncertainty, expected[1:], rtol=1e-6)


def test_what_was_filled_in_is_shown(simple: VectorStoreIndex, corpus: Corpus) -> None:
    settings: dict[str, Any] = {"min_chance": 0.01, "title": "parity"}
    nearest = simple.as_retriever(similarity_top_k=60).retrieve(corpus.queries[0])
    stored: dict[str, Any] = {"embed_model": model_of(simple), "vector_store": simple.vector_store}
    for explained in (
        SIFTRetriever(simple, **settings).explain(corpus.queries[0]),
        SIFTRerank(**stored, **settings).explain(nearest, corpus.queries[0]),
    ):
        shown = explained.settings
        assert (shown["relevance"], shown["kernel"]) == (Witnesses(), "phrases")
        assert (shown["lambda_"], shown["objective"]) == (0.1, "undirected")
        assert (shown["min_chance"], shown["title"]) == (0.01, "parity")
        assert "min_novelty" not in shown


def test_the_cosine_brings_what_sift_was_published_with(
    simple: VectorStoreIndex, corpus: Corpus
) -> None:
    retriever = SIFTRetriever(simple, kernel="cosine")
    assert (retriever.rules.noise, retriever.rules.chosen_objective) == (3.0, "variance")
    assert retriever.rules.witnesses == NAMED_WITNESSES["vectors"]
    assert shape(SIFTRerank(kernel="cosine").rules()) == shape(retriever.rules)
    want = numbered(corpus, lambda_=3.0)
    assert numbers(retriever.retrieve(corpus.queries[0])) == want
    assert numbers(reranked(simple, corpus, kernel="cosine")) == want


@pytest.mark.parametrize(
    ("given", "kernel", "lambda_", "objective"),
    [
        ({"lambda_": 0.7}, "phrases", 0.7, "undirected"),
        ({"relevance": "words"}, "phrases", 0.1, "undirected"),
        ({"relevance": "vectors", "kernel": "phrases"}, "phrases", 0.1, "undirected"),
        ({"kernel": "relevance"}, "relevance", 0.2, "undirected"),
        ({"objective": "variance"}, "relevance", 0.2, "variance"),
        ({"kernel": "relevance", "objective": "entropy"}, "relevance", 0.2, "entropy"),
        (
            {"kernel": "cosine", "lambda_": 0.7, "objective": "undirected"},
            "cosine",
            0.7,
            "undirected",
        ),
    ],
)
def test_what_is_given_wins_and_the_rest_follows(
    simple: VectorStoreIndex, given: dict[str, Any], kernel: str, lambda_: float, objective: str
) -> None:
    resolved = kernel if kernel == PHRASES else resolve_kernel(kernel)
    for rules in (SIFTRetriever(simple, **given).rules, SIFTRerank(**given).rules()):
        assert shape(rules)[1:] == (resolved, lambda_, objective)


def test_alpha_cuts_the_picks_of_the_default(simple: VectorStoreIndex, corpus: Corpus) -> None:
    whole = SIFTRetriever(simple, 20).retrieve(corpus.queries[0])
    for settings in ({"stop_alpha": 0.9}, {"stop_alpha": 0.9, "relevance": "vectors"}):
        rest = {name: value for name, value in settings.items() if name != "stop_alpha"}
        retriever = SIFTRetriever(simple, 20, **settings)  # type: ignore[arg-type]
        plain = SIFTRetriever(simple, 20, **rest)  # type: ignore[arg-type]
        assert shape(retriever.rules) == shape(plain.rules)
        cut = retriever.retrieve(corpus.queries[0])
        assert 0 < len(cut) < 20
        assert numbers(cut) == numbers(plain.retrieve(corpus.queries[0]))[: len(cut)]
    assert len(whole) == 20
    # The alpha of a hybrid search is another one.
    assert SIFTRetriever(simple, alpha=0.5).rules.alpha is None


def test_a_rerank_made_again_from_its_own_fields(simple: VectorStoreIndex, corpus: Corpus) -> None:
    given: list[dict[str, Any]] = [
        {},
        {"kernel": "cosine"},
        {"stop_alpha": 0.9},
        {"lambda_": 0.7},
        {"relevance": "vectors"},
        {"relevance": Witnesses(words=0.5)},
    ]
    for settings in given:
        rerank = SIFTRerank(**settings)
        fields = {name: getattr(rerank, name) for name in SIFTRerank.model_fields}
        for again in (SIFTRerank(**fields), rerank.model_copy()):
            assert shape(again.rules()) == shape(rerank.rules())
    rerank = SIFTRerank().model_copy(update={"kernel": "cosine"})
    assert shape(rerank.rules()) == shape(SIFTRerank(kernel="cosine").rules())
