"""Several targets: the union of their neighbours, chosen for all of them together."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import numpy as np
import pytest
from corpus import Corpus
from langchain_core.runnables import RunnableLambda
from store_cases import CASES

from langchain_sift import SIFTRetriever
from sift_retrievers import select


def ids(documents: Any) -> list[str | None]:
    return [document.id for document in documents]


@pytest.fixture
def memory(corpus: Corpus) -> Any:
    return CASES["InMemory"].filled(corpus)


def neighbours(corpus: Corpus, i: int, count: int) -> list[int]:
    cosines = corpus.vectors @ corpus.query_vector(i) / np.linalg.norm(corpus.vectors, axis=1)
    return [int(j) for j in np.argsort(-cosines, kind="stable")[:count]]


def expected(corpus: Corpus, *queries: int, fetch_k: int = 12, **options: Any) -> list[str]:
    """`select` on the union of the neighbours, in turn from each target."""
    pool: list[int] = []
    for column in zip(*(neighbours(corpus, i, fetch_k) for i in queries), strict=True):
        pool += [j for j in dict.fromkeys(column) if j not in pool]
    targets = np.stack([corpus.query_vector(i) for i in queries])[None]
    picks = select(targets, corpus.vectors[pool], 5, **{"lambda_": 0.3} | options).indices[0]
    return [corpus.ids[pool[i]] for i in picks]


@pytest.mark.parametrize("objective", ["variance", "entropy"])
def test_targets_at_call_time(memory: Any, corpus: Corpus, objective: str) -> None:
    retriever = SIFTRetriever(
        memory, k=5, fetch_k=12, kernel="cosine", lambda_=0.3, objective=objective
    )
    texts = [corpus.queries[i] for i in (0, 1, 3)]
    found = retriever.invoke("all of them", targets=texts)
    assert ids(found) == expected(corpus, 0, 1, 3, objective=objective)
    assert corpus.embeddings.queried == 3  # the query itself is not a target
    vectors = [corpus.query_vector(i) for i in (0, 1, 3)]
    for given in (
        vectors,
        np.stack(vectors),
        [v.tolist() for v in vectors],
        [texts[0], *vectors[1:]],
    ):
        assert ids(retriever.invoke("q", targets=given)) == ids(found)
    assert ids(asyncio.run(retriever.ainvoke("q", targets=texts))) == ids(found)
    cosines = [
        max(v @ t / np.linalg.norm(v) / np.linalg.norm(t) for t in vectors)
        for v in (corpus.vectors[d.metadata["number"]] for d in found)
    ]
    similarities = [d.metadata["sift"]["similarity"] for d in found]
    assert similarities == pytest.approx(cosines, abs=1e-6)


def test_one_target_stands_for_the_query(memory: Any, corpus: Corpus) -> None:
    retriever = SIFTRetriever(memory)
    want = retriever.invoke(corpus.queries[2])
    assert retriever.invoke("something else", targets=[corpus.queries[2]]) == want
    assert retriever.invoke("something else", targets=corpus.queries[2]) == want


@pytest.mark.parametrize("kind", ["callable", "runnable"])
async def test_targets_made_from_the_query(memory: Any, corpus: Corpus, kind: str) -> None:
    asked: list[str] = []

    def sub_questions(query: str) -> list[str]:
        asked.append(query)
        return [corpus.queries[0], corpus.queries[1]]

    make: Any = sub_questions if kind == "callable" else RunnableLambda(sub_questions)
    retriever = SIFTRetriever(memory, k=5, fetch_k=12, kernel="cosine", lambda_=0.3, targets=make)
    want = expected(corpus, 0, 1)
    assert ids(retriever.invoke("the question")) == want
    assert ids(await retriever.ainvoke("the question")) == want
    assert [ids(found) for found in retriever.batch(["the question"] * 2)] == [want] * 2
    assert asked == ["the question"] * 4
    explained = retriever.explain("the question")
    assert explained.targets == 2
    assert set(explained.seconds) == {"targets", "embed", "fetch", "select"}
    given = retriever.invoke("the question", targets=[corpus.queries[3]])
    assert ids(given) == expected(corpus, 3)


def test_their_failure_comes_through(memory: Any, corpus: Corpus) -> None:
    def fails(query: str) -> list[str]:
        raise ConnectionError("no model")

    with pytest.raises(ConnectionError, match="no model"):
        SIFTRetriever(memory, targets=fails).invoke(corpus.queries[0])


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ([], "targets must hold at least one text or vector; got none"),
        (3, "targets must be texts or vectors .*; got int"),
        ([0.5, 1.0], "got a single vector: put it into a list"),
        (np.ones(12), r"got ndarray \(12,\)"),
        ([np.ones((2, 12))], r"one finite vector that is not zero; got shape \(2, 12\)"),
        ([np.zeros(12)], "one finite vector that is not zero"),
        ([np.ones(12), np.ones(5)], r"the vectors of all targets must have one length.*\[12, 5\]"),
        (["query 0", np.ones(5)], r"must have one length.*\[12, 5\]"),
        (["query 0"] * 1001, "targets must be at most 1000; got 1001"),
        ([np.ones(5)], r"shape \(12,\), but the query.s embedding has dimension 5"),
    ],
)
def test_targets_that_are_none(memory: Any, corpus: Corpus, targets: Any, message: str) -> None:
    retriever = SIFTRetriever(memory)
    with pytest.raises((TypeError, ValueError)) as caught:
        retriever.invoke(corpus.queries[0], targets=targets)
    said = "\n".join([str(caught.value), *getattr(caught.value, "__notes__", [])])
    assert re.search(message, said), said
    assert len(retriever.invoke(corpus.queries[0])) == 4


async def test_many_targets(memory: Any, corpus: Corpus) -> None:
    retriever = SIFTRetriever(memory)
    targets = [*(corpus.queries * 20)]
    found = retriever.invoke("", targets=targets)
    assert ids(await retriever.ainvoke("", targets=targets)) == ids(found)
    assert retriever.explain("", targets=targets).targets == 100


async def test_a_failure_among_several_is_raised_itself(memory: Any, corpus: Corpus) -> None:
    retriever = SIFTRetriever(memory)
    with pytest.raises(KeyError, match="unknown"):
        retriever.invoke("", targets=["query 0", "unknown", "query 1"])
    with pytest.raises(KeyError, match="unknown"):
        await retriever.ainvoke("", targets=["query 0", "unknown", "query 1"])


@pytest.mark.parametrize("store_name", ["FAISS", "Chroma", "Qdrant", "LanceDB", "PGVectorStore"])
def test_on_other_stores(store_name: str, corpus: Corpus) -> None:
    memory = SIFTRetriever(CASES["InMemory"].filled(corpus), fetch_k=60, lambda_=0.3)
    other = SIFTRetriever(CASES[store_name].filled(corpus), fetch_k=60, lambda_=0.3)
    targets = corpus.queries[:3]
    assert ids(other.invoke("", targets=targets)) == ids(memory.invoke("", targets=targets))
