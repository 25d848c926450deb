"""The rules that end a selection or bar passages: adaptive k, budget, threshold, parents."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from corpus import Corpus
from langchain_core.documents import Document
from pydantic import ValidationError
from store_cases import CASES

from langchain_sift import SIFTRetriever
from sift_retrievers import select


@pytest.fixture
def memory(corpus: Corpus) -> Any:
    return CASES["InMemory"].filled(corpus)


def numbers(documents: list[Document]) -> list[int]:
    return [document.metadata["number"] for document in documents]


def pool(corpus: Corpus) -> list[int]:
    cosines = corpus.vectors @ corpus.query_vector() / np.linalg.norm(corpus.vectors, axis=1)
    return [int(j) for j in np.argsort(-cosines, kind="stable")]


@pytest.mark.parametrize(
    "rule", [{"alpha": 0.5}, {"min_gain": 0.02}, {"alpha": 0.4, "min_gain": 0.01}]
)
def test_stopping_early_is_that_of_select(
    memory: Any, corpus: Corpus, rule: dict[str, float]
) -> None:
    order = pool(corpus)
    picks = select(corpus.query_vector(), corpus.vectors[order], 20, lambda_=0.3, **rule).indices
    want = [order[i] for i in picks if i >= 0]
    assert 0 < len(want) < 20
    retriever = SIFTRetriever(memory, k=20, kernel="cosine", lambda_=0.3, **rule)
    assert numbers(retriever.invoke(corpus.queries[0])) == want
    assert retriever.explain(corpus.queries[0]).stop_reason in rule


def test_a_min_gain_that_nothing_reaches(memory: Any, corpus: Corpus) -> None:
    assert SIFTRetriever(memory, min_gain=100.0).invoke(corpus.queries[0]) == []


def test_copies_do_not_fill_up_k(corpus: Corpus) -> None:
    for i in range(1, 30):
        corpus.texts[i] = corpus.texts[0]
    store = CASES["FAISS"].filled(corpus)
    retriever = SIFTRetriever(store, k=60, min_novelty=0.2)
    found = retriever.invoke(corpus.queries[0])
    texts = [d.page_content for d in found]
    assert texts.count(corpus.texts[0]) == 1
    assert len(set(texts)) == len(texts) > 20
    assert retriever.explain(corpus.queries[0]).stop_reason == "min_novelty"


def test_nothing_is_returned_where_the_evidence_is_probably_missing(
    memory: Any, corpus: Corpus
) -> None:
    corpus.embeddings.table["zxq vfw?"] = np.ones(12, dtype=np.float32)
    retriever = SIFTRetriever(memory, min_chance=0.3)
    assert retriever.invoke("zxq vfw?") == []
    explained = retriever.explain("zxq vfw?")
    assert explained.stop_reason == "min_chance"
    assert explained.probably_missing
    assert {passage.reason for passage in explained.passages} == {"evidence improbable"}
    assert len(retriever.invoke("text 3")) == 4
    warned = SIFTRetriever(memory).invoke("zxq vfw?")[0].metadata["sift"]
    assert warned["evidence_probably_missing"] is True
    assert warned["evidence_chance"] < 0.25


def test_gains_can_be_compared_between_questions(memory: Any, corpus: Corpus) -> None:
    corpus.embeddings.table["zxq vfw?"] = np.ones(12, dtype=np.float32)
    retriever = SIFTRetriever(memory, k=20, min_gain=0.6)
    found = retriever.invoke("text 3")
    assert 0 < len(found) < 20
    assert all(d.metadata["sift"]["information_gain"] >= 0.6 for d in found)
    assert retriever.invoke("zxq vfw?") == []


def test_the_chance_does_not_depend_on_the_number_of_candidates(corpus: Corpus) -> None:
    corpus.texts[3] = "the notice period is three months"
    corpus.embeddings.table[corpus.texts[3]] = corpus.vectors[3]
    question = "how long is the notice period?"
    corpus.embeddings.table[question] = corpus.vectors[3] + np.float32(0.3)
    store = CASES["FAISS"].filled(corpus)
    chances = [
        SIFTRetriever(store, k=1, fetch_k=n).invoke(question)[0].metadata["sift"]["evidence_chance"]
        for n in (1, 3, 10, 60)
    ]
    assert max(chances) - min(chances) < 0.15
    assert min(chances) > 0.5


def test_a_token_budget(memory: Any, corpus: Corpus) -> None:
    counts = {text: 5 + 7 * (i % 6) for i, text in enumerate(corpus.texts)}
    retriever = SIFTRetriever(
        memory,
        k=20,
        max_tokens=100,
        token_counter=counts.__getitem__,
        kernel="cosine",
        lambda_=0.3,
    )
    found = retriever.invoke(corpus.queries[0])
    order = pool(corpus)
    costs = [counts[corpus.texts[i]] for i in order]
    picks = select(
        corpus.query_vector(), corpus.vectors[order], 20, costs=costs, budget=100.0, lambda_=0.3
    ).indices
    assert numbers(found) == [order[i] for i in picks if i >= 0]
    spent = sum(counts[d.page_content] for d in found)
    assert 100 - min(costs) < spent <= 100
    explained = retriever.explain(corpus.queries[0])
    assert explained.stop_reason == "budget"
    assert {"over the budget"} <= {passage.reason for passage in explained.passages}


def test_a_score_threshold_is_a_cosine(memory: Any, corpus: Corpus) -> None:
    for name in ("InMemory", "FAISS", "Qdrant"):  # cosine, squared L2, unit vectors
        store = CASES[name].filled(corpus)
        retriever = SIFTRetriever(store, k=60, score_threshold=0.3)
        found = retriever.invoke(corpus.queries[0])
        cosines = corpus.vectors @ corpus.query_vector()
        cosines /= np.linalg.norm(corpus.vectors, axis=1) * np.linalg.norm(corpus.query_vector())
        assert sorted(numbers(found)) == np.flatnonzero(cosines >= 0.3).tolist()
        assert all(d.metadata["sift"]["similarity"] >= 0.3 for d in found)
    assert SIFTRetriever(memory, score_threshold=1.0).invoke(corpus.queries[0]) == []


@pytest.mark.parametrize("by", ["parent", lambda document: document.metadata["parent"]])
def test_no_two_passages_of_one_parent(corpus: Corpus, by: Any) -> None:
    for i, metadata in enumerate(corpus.metadatas):
        metadata["parent"] = ["chapters", i % 7]  # a list cannot be hashed
    store = CASES["InMemory"].filled(corpus)
    retriever = SIFTRetriever(store, k=20, distinct_by=by, kernel="cosine", lambda_=0.3)
    found = retriever.invoke(corpus.queries[0])
    assert sorted(d.metadata["parent"][1] for d in found) == [*range(7)]
    order = pool(corpus)
    picks = select(
        corpus.query_vector(),
        corpus.vectors[order],
        20,
        groups=[i % 7 for i in order],
        lambda_=0.3,
    ).indices
    assert numbers(found) == [order[i] for i in picks if i >= 0]


def test_a_passage_without_parent_is_its_own(corpus: Corpus) -> None:
    for i, metadata in enumerate(corpus.metadatas):
        if i >= 50:
            metadata["parent"] = "the same"
    found = SIFTRetriever(CASES["InMemory"].filled(corpus), k=60, distinct_by="parent").invoke(
        corpus.queries[0]
    )
    assert len(found) == 51


def test_a_key_that_no_passage_has_is_warned_about(memory: Any, corpus: Corpus) -> None:
    with pytest.warns(UserWarning, match="distinct_by has no effect: none of the 60 candidates"):
        assert len(SIFTRetriever(memory, distinct_by="partiy").invoke(corpus.queries[0])) == 4


def test_copies_can_be_told_apart_by_their_text(corpus: Corpus) -> None:
    corpus.texts[30:] = corpus.texts[:30]
    store = CASES["InMemory"].filled(corpus)
    found = SIFTRetriever(store, k=60, distinct_by=lambda d: d.page_content).invoke("query 0")
    assert len(found) == len({d.page_content for d in found}) == 30


def test_rules_work_together(memory: Any, corpus: Corpus) -> None:
    retriever = SIFTRetriever(
        memory,
        k=10,
        distinct_by="parity",
        score_threshold=0.2,
        max_tokens=3,
        token_counter=lambda text: 1,
    )
    found = retriever.invoke(corpus.queries[0])
    assert {d.metadata["parity"] for d in found} == {"even", "odd"}
    assert len(found) == 2


def test_off_by_default(memory: Any, corpus: Corpus) -> None:
    assert len(SIFTRetriever(memory, k=37).invoke(corpus.queries[0])) == 37


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"alpha": 0}, "alpha must be positive and finite; got 0"),
        ({"min_novelty": 1.5}, "min_novelty must be from 0 to 1; got 1.5"),
        ({"min_chance": "half"}, "min_chance"),
        ({"relevance": "bm25"}, r"relevance must be one of \['vectors', 'words'"),
        ({"relevance": 3}, "relevance must be one of .* or Witnesses"),
        ({"relevance": "words", "kernel": "cosine"}, "relevance= goes with kernel='phrases'"),
        ({"kernel": "phrases", "objective": "variance"}, 'has the objective "undirected"'),
        ({"title": 3}, "title must be a metadata key, several, or a function"),
        ({"min_gain": -1.0}, r"min_gain must be positive and finite; got -1\.0"),
        ({"max_tokens": 0}, "max_tokens must be a whole number of at least 1; got 0"),
        ({"max_tokens": 100}, "max_tokens and token_counter go together.*a function that counts"),
        ({"token_counter": len}, "max_tokens and token_counter go together"),
        ({"score_threshold": 1.5}, r"between -1 and 1; got 1\.5"),
        ({"search_kwargs": {"score_threshold": 0.5}}, r"got \['score_threshold'\]: pass them to"),
        ({"distinct_by": 3}, "distinct_by"),
    ],
)
def test_settings_that_make_no_sense(memory: Any, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=f"(?s){message}"):
        SIFTRetriever(memory, **arguments)


def test_a_token_counter_that_fails(memory: Any, corpus: Corpus) -> None:
    def fails(text: str) -> int:
        raise KeyError("tokenizer")

    with pytest.raises(KeyError, match="tokenizer"):
        SIFTRetriever(memory, max_tokens=5, token_counter=fails).invoke(corpus.queries[0])


def test_a_setting_that_is_assigned_counts_from_then_on(memory: Any, corpus: Corpus) -> None:
    retriever = SIFTRetriever(memory, relevance="vectors")
    before = numbers(retriever.invoke(corpus.queries[0]))
    assert retriever.rules() is retriever.rules()  # resolved once
    retriever.lambda_ = 1e6
    retriever.k = 10
    assert retriever.rules().noise == 1e6
    nearest = numbers(retriever.invoke(corpus.queries[0]))
    assert nearest == pool(corpus)[:10]
    copy = retriever.model_copy(update={"lambda_": None, "k": 4})
    assert numbers(copy.invoke(corpus.queries[0])) == before
    assert numbers(retriever.invoke(corpus.queries[0])) == nearest
