"""What a user can see of a retrieval: child runs in callbacks, and `explain`."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from corpus import Corpus
from langchain_core.callbacks import AsyncCallbackHandler, BaseCallbackHandler
from store_cases import CASES
from uncertainty import uncertainty_along

from langchain_sift import SIFTRetriever
from sift_retrievers import gains_after


@pytest.fixture
def memory(corpus: Corpus) -> Any:
    return CASES["InMemory"].filled(corpus)


class Tree(BaseCallbackHandler):
    """The runs by name, with their parents, inputs and outcomes."""

    def __init__(self) -> None:
        self.names: dict[UUID, str] = {}
        self.runs: list[dict[str, Any]] = []

    def on_retriever_start(self, serialized: Any, query: str, *, run_id: UUID, **k: Any) -> None:
        self.names[run_id] = k["name"]

    def on_chain_start(
        self, serialized: Any, inputs: Any, *, run_id: UUID, parent_run_id: Any = None, **k: Any
    ) -> None:
        parent = self.names.get(parent_run_id)
        self.names[run_id] = k["name"]
        self.runs.append({"name": k["name"], "parent": parent, "inputs": inputs, "id": run_id})

    def on_chain_end(self, outputs: Any, *, run_id: UUID, **kwargs: Any) -> None:
        next(run for run in self.runs if run["id"] == run_id)["outputs"] = outputs

    def on_chain_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        next(run for run in self.runs if run["id"] == run_id)["error"] = error


class AsyncTree(AsyncCallbackHandler):
    def __init__(self) -> None:
        self.tree = Tree()

    async def on_retriever_start(self, *args: Any, **kwargs: Any) -> None:
        self.tree.on_retriever_start(*args, **kwargs)

    async def on_chain_start(self, *args: Any, **kwargs: Any) -> None:
        self.tree.on_chain_start(*args, **kwargs)

    async def on_chain_end(self, *args: Any, **kwargs: Any) -> None:
        self.tree.on_chain_end(*args, **kwargs)


def check(runs: list[dict[str, Any]], corpus: Corpus, found: Any) -> None:
    assert [run["name"] for run in runs] == ["sift_embed", "sift_fetch", "sift_select"]
    assert {run["parent"] for run in runs} == {"SIFTRetriever"}
    embed, fetch, selection = runs
    assert embed["inputs"] == {"texts": [corpus.queries[0]]}
    assert fetch["inputs"] == {"fetch_k": 20, "filter": None}
    assert len(fetch["outputs"]["ids"]) == 20
    assert selection["inputs"] == {"k": 4, "candidates": 20}
    assert selection["outputs"]["ids"] == [document.id for document in found]
    gains = [document.metadata["sift"]["information_gain"] for document in found]
    assert selection["outputs"]["information_gain"] == gains
    assert selection["outputs"]["stop_reason"] == "k"


def test_the_stages_are_child_runs(memory: Any, corpus: Corpus) -> None:
    tree, retriever = Tree(), SIFTRetriever(memory, fetch_k=20)
    found = retriever.invoke(corpus.queries[0], {"callbacks": [tree]}, filter=None)
    check(tree.runs, corpus, found)


async def test_also_asynchronously(memory: Any, corpus: Corpus) -> None:
    retriever = SIFTRetriever(memory, fetch_k=20)
    for handler in (AsyncTree(), Tree()):
        found = await retriever.ainvoke(corpus.queries[0], {"callbacks": [handler]}, filter=None)
        check((handler.tree if isinstance(handler, AsyncTree) else handler).runs, corpus, found)


async def test_in_the_events_of_a_chain(memory: Any, corpus: Corpus) -> None:
    chain = SIFTRetriever(memory) | (lambda documents: len(documents))
    events = [event async for event in chain.astream_events(corpus.queries[0], version="v2")]
    started = [event["name"] for event in events if event["event"] == "on_chain_start"]
    assert [name for name in started if name.startswith("sift_")] == [
        "sift_embed",
        "sift_fetch",
        "sift_select",
    ]


def test_a_stage_that_fails_says_so(memory: Any, corpus: Corpus) -> None:
    def adapter(store: Any, query: Any, fetch_k: int) -> Any:
        raise ConnectionError("gone")

    tree = Tree()
    with pytest.raises(ConnectionError):
        SIFTRetriever(memory, adapter=adapter).invoke(corpus.queries[0], {"callbacks": [tree]})
    assert [run["name"] for run in tree.runs] == ["sift_embed", "sift_fetch"]
    assert isinstance(tree.runs[1]["error"], ConnectionError)


def test_targets_of_the_users_own_are_traced_below(memory: Any, corpus: Corpus) -> None:
    tree = Tree()
    retriever = SIFTRetriever(memory, targets=lambda query: corpus.queries[:2])
    retriever.invoke("q", {"callbacks": [tree]})
    assert [run["parent"] for run in tree.runs] == ["SIFTRetriever"] * 4
    assert tree.runs[1]["inputs"] == {"texts": corpus.queries[:2]}


def test_explain(memory: Any, corpus: Corpus) -> None:
    retriever = SIFTRetriever(memory, k=3, fetch_k=10, kernel="cosine", lambda_=0.3)
    found = retriever.invoke(corpus.queries[0])
    explained = retriever.explain(corpus.queries[0])
    assert [p.id for p in explained.chosen] == [d.id for d in found]
    assert [p.rank for p in explained.chosen] == [0, 1, 2]
    assert [p.text for p in explained.chosen] == [d.page_content for d in found]
    assert [p.information_gain for p in explained.chosen] == [
        d.metadata["sift"]["information_gain"] for d in found
    ]
    assert explained.uncertainty is not None
    assert explained.uncertainty[1:] == tuple(d.metadata["sift"]["uncertainty"] for d in found)
    assert len(explained.passages) == 10
    assert explained.stop_reason == "k"
    assert set(explained.seconds) == {"embed", "fetch", "select"}
    assert all(seconds > 0 for seconds in explained.seconds.values())
    assert explained.settings["lambda_"] == 0.3
    assert explained.vectors == "as the embedding model gave them"

    hits = [corpus.ids.index(p.id) for p in explained.passages]  # type: ignore[arg-type]
    vectors = corpus.vectors[hits]
    alone = gains_after(corpus.query_vector(), vectors, [], lambda_=0.3)
    left = gains_after(corpus.query_vector(), vectors, [0, 1, 2], lambda_=0.3)
    np.testing.assert_allclose([p.gain_alone for p in explained.passages], alone)
    rest = explained.passages[3:]
    np.testing.assert_allclose([p.gain_left for p in rest], left[3:])
    assert explained.passages[0].gain_alone == pytest.approx(max(alone))
    assert {p.reason for p in rest} <= {"redundant", "adds less"}
    for p, now in zip(rest, left[3:], strict=True):
        assert (p.reason == "redundant") == (now < p.gain_alone / 2)

    shown = str(explained)
    assert "3 of 10 passages (ended by k)" in shown
    assert len(shown.splitlines()) == 7 + 10
    assert asyncio.run(retriever.aexplain(corpus.queries[0])).passages == explained.passages


def test_explain_takes_the_arguments_of_a_call(memory: Any, corpus: Corpus) -> None:
    retriever = SIFTRetriever(memory)
    explained = retriever.explain(
        corpus.queries[0], k=2, fetch_k=7, filter=lambda d: d.metadata["parity"] == "odd"
    )
    assert len(explained.chosen) == 2
    assert len(explained.passages) == 7
    assert explained.settings["k"] == 2


def test_explain_says_why_passages_were_no_candidates(corpus: Corpus) -> None:
    for i, metadata in enumerate(corpus.metadatas):
        metadata["parent"] = i % 5
    store = CASES["InMemory"].filled(corpus)
    explained = SIFTRetriever(store, distinct_by="parent", score_threshold=0.2).explain(
        corpus.queries[0]
    )
    parents = {corpus.metadatas[corpus.ids.index(str(p.id))]["parent"] for p in explained.chosen}
    for passage in explained.passages:
        if passage.rank is None:
            below = passage.similarity < 0.2
            taken = corpus.metadatas[corpus.ids.index(str(passage.id))]["parent"] in parents
            assert (passage.reason == "below the threshold") == below
            assert (passage.reason == "its parent was picked") == (taken and not below)


@pytest.mark.parametrize("objective", ["variance", "entropy", "undirected"])
def test_explain_any_objective(memory: Any, corpus: Corpus, objective: str) -> None:
    retriever = SIFTRetriever(
        memory, objective=objective, kernel="relevance", relevance="vectors", lambda_=0.5
    )
    explained = retriever.explain(corpus.queries[0])
    hits = [corpus.ids.index(str(p.id)) for p in explained.passages]  # those picked come first
    picks = [*range(len(explained.chosen))]
    expected = uncertainty_along(
        corpus.query_vector(), corpus.vectors[hits], picks, kernel="relevance", lambda_=0.5
    )
    if objective == "undirected":  # about the evidence, not about the answer
        scores = [1.0 - np.exp(0)] + [
            0.5 * np.expm1(2 * (p.information_gain or 0)) for p in explained.chosen
        ]
        expected = np.cumprod(1 - np.array(scores))
    np.testing.assert_allclose(explained.uncertainty or [], expected, rtol=1e-5)
    first = explained.passages[0]
    assert first.information_gain == pytest.approx(first.gain_alone, abs=1e-6)
    assert first.gain_alone == pytest.approx(max(p.gain_alone or 0 for p in explained.passages))


def test_explain_nothing(corpus: Corpus) -> None:
    corpus.texts, corpus.ids, corpus.metadatas = [], [], []
    explained = SIFTRetriever(CASES["InMemory"].filled(corpus)).explain(corpus.queries[0])
    assert explained.passages == ()
    assert "0 of 0 passages" in str(explained)
