"""What may change from call to call: sizes, targets, and the rules of the selection."""

from __future__ import annotations

import asyncio
from dataclasses import fields
from typing import Any

import pytest
from corpus import Corpus
from store_cases import CASES

from langchain_sift import SIFTCompressor, SIFTRetriever
from langchain_sift.settings import KEPT, RULES, SelectionSettings
from langchain_sift.stores import reader_of
from sift_retrievers.retrieval import SelectionRules
from sift_retrievers.witnesses import Witnesses


@pytest.fixture
def memory(corpus: Corpus) -> Any:
    corpus.texts[30:40] = corpus.texts[:10]  # copies
    return CASES["InMemory"].filled(corpus)


CHANGES: list[dict[str, Any]] = [
    {"lambda_": 1e-6},
    {"kernel": "cosine"},
    {"kernel": "cosine", "lambda_": 0.3, "objective": "entropy"},
    {"relevance": "vectors"},
    {"relevance": Witnesses(words=0.1)},
    {"relevance": Witnesses(words=0.1), "lambda_": 3},
    {"alpha": 0.3},
    {"min_gain": 0.2},
    {"min_novelty": 0.9},
    {"min_chance": 0.99},
    {"max_tokens": 2, "token_counter": lambda text: 1},
    {"score_threshold": 0.3},
    {"distinct_by": "parity"},
    {"title": "parity"},
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: "+".join(change))
async def test_a_rule_at_call_time_is_the_field_for_one_call(
    memory: Any, corpus: Corpus, change: dict[str, Any]
) -> None:
    retriever = SIFTRetriever(memory, k=20)
    usual = retriever.invoke("query 0")
    want = SIFTRetriever(memory, k=20, **change).invoke("query 0")
    assert retriever.invoke("query 0", **change) == want
    assert await retriever.ainvoke("query 0", **change) == want
    assert retriever.batch(["query 0"] * 2, **change) == [want] * 2
    shown = retriever.explain("query 0", **change).settings
    wanted = SIFTRetriever(memory, k=20, **change).explain("query 0").settings
    assert shown == wanted
    assert retriever.invoke("query 0") == usual
    compressor = SIFTCompressor(vectorstore=memory, k=20)
    chosen = SIFTCompressor(vectorstore=memory, k=20, **change).compress_documents(
        corpus.documents(), "query 0"
    )
    assert compressor.compress_documents(corpus.documents(), "query 0", **change) == chosen
    given = {"query": "query 0", "documents": corpus.documents()}
    assert await compressor.ainvoke(given, **change) == chosen


def test_the_changes_do_change_something(memory: Any) -> None:
    retriever = SIFTRetriever(memory, k=60)
    usual = retriever.invoke("query 0")
    without = {"title"}  # of a word that the question does not have
    for change in CHANGES:
        if not without & change.keys():
            assert retriever.invoke("query 0", **change) != usual, change


def test_none_at_call_time_switches_a_rule_off(memory: Any) -> None:
    retriever = SIFTRetriever(memory, k=20, min_gain=0.2, lambda_=1e-6)
    want = SIFTRetriever(memory, k=20).invoke("query 0")
    assert retriever.invoke("query 0", min_gain=None, lambda_=None) == want
    assert retriever.invoke("query 0") != want


def test_what_is_no_rule_still_goes_to_the_store(memory: Any) -> None:
    retriever = SIFTRetriever(memory)
    found = retriever.invoke(
        "query 0", lambda_=0.3, filter=lambda document: document.metadata["parity"] == "odd"
    )
    assert {document.metadata["parity"] for document in found} == {"odd"}
    with pytest.raises(TypeError, match=r"search_kwargs of InMemoryVectorStore may hold \['filter"):
        retriever.invoke("query 0", lambda_=0.3, colour="red")


def test_names_of_store_arguments_that_our_own_code_uses(memory: Any) -> None:
    """A store may call its arguments as it likes."""
    seen: dict[str, Any] = {}

    def adapter(store: Any, query: Any, fetch_k: int, /, **search_kwargs: Any) -> Any:
        seen.update(search_kwargs)
        return reader_of(memory).search(query, 5)

    given = {"fields": ["text"], "work": 1, "reader": 2, "target": 3, "stage": 4, "callbacks": 5}
    retriever = SIFTRetriever(memory, adapter=adapter)
    assert len(retriever.invoke("query 0", **given)) == 4
    assert seen == given
    seen.clear()
    asyncio.run(retriever.ainvoke("query 0", **given))
    assert seen == given


def test_a_timeout_of_the_stores_own_goes_into_search_kwargs(memory: Any) -> None:
    seen: list[Any] = []

    def adapter(store: Any, query: Any, fetch_k: int, *, timeout: float | None = None) -> Any:
        seen.append(timeout)
        return reader_of(memory).search(query, 5)

    SIFTRetriever(memory, adapter=adapter, search_kwargs={"timeout": 7}).invoke("query 0")
    SIFTRetriever(memory, adapter=adapter).invoke("query 0", timeout=7)  # the retriever's
    assert seen == [7, None]


def test_rules_are_resolved_once_a_combination(
    memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[dict[str, Any]] = []

    class Counted(SelectionRules):
        def __init__(self, **given: Any) -> None:
            made.append(given)
            super().__init__(**given)

    monkeypatch.setattr("langchain_sift.settings.SelectionRules", Counted)
    retriever = SIFTRetriever(memory)
    small, large = 1e-3, 1e3
    for _ in range(3):
        retriever.invoke("query 0")
        retriever.invoke("query 0", lambda_=small)
        retriever.invoke("query 0", lambda_=large)
    assert len(made) == 3
    for i in range(10 * KEPT):
        retriever.rules(lambda_=1.0 + i)
    assert len(retriever._resolved) == KEPT
    assert retriever.rules(lambda_=5.0).noise == 5.0


def test_the_fields_are_the_rules_of_the_core() -> None:
    """A rule that the core learns must become a field, with the same default."""
    core = {one.name: one.default for one in fields(SelectionRules) if one.init}
    assert {name for name in core if name != "replacement"} == RULES
    for name in RULES:
        assert SelectionSettings.model_fields[name].default == core[name]


async def test_unknown_arguments_of_a_compressor(memory: Any, corpus: Corpus) -> None:
    compressor = SIFTCompressor(vectorstore=memory)
    with pytest.raises(TypeError, match="argument 'colour'; a call may name k, timeout and rules"):
        compressor.compress_documents(corpus.documents(), "query 0", colour="red")
    with pytest.raises(TypeError, match="argument 'fetch_k'"):
        await compressor.acompress_documents(corpus.documents(), "query 0", fetch_k=7)
    with pytest.raises(TypeError, match="the query must be a text; got int 3"):
        compressor.compress_documents(corpus.documents(), 3)  # type: ignore[arg-type]
