"""Runs and spans show the choice, hide texts where they are turned off, never fail a retrieval."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from uuid import UUID

import pytest
from corpus import Corpus
from langchain_core.runnables import RunnableLambda
from recorded_spans import documents, recorded
from store_cases import CASES
from traced_runs import Runs

from langchain_sift import SIFTCompressor, SIFTRetriever

HIDING = (
    {"OPENINFERENCE_HIDE_INPUTS": "true"},
    {"OPENINFERENCE_HIDE_OUTPUTS": "1"},
    {"OPENINFERENCE_HIDE_RETRIEVAL_DOCUMENTS": "True"},
    {"OPENINFERENCE_HIDE_INPUT_TEXT": "true"},
    {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "false"},
    {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "NO_CONTENT"},
    {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "event_only"},
)
SHOWING = (
    {},
    {"OPENINFERENCE_HIDE_INPUTS": "false"},
    {"OPENINFERENCE_HIDE_INPUT_IMAGES": "true", "OPENINFERENCE_HIDE_EMBEDDING_VECTORS": "true"},
    {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_AND_EVENT"},
)


@pytest.fixture
def memory(corpus: Corpus) -> Any:
    return CASES["InMemory"].filled(corpus)


def own_runs(runs: Runs) -> str:
    return repr([run for run in runs.runs.values() if run["name"].startswith("sift_")])


def test_a_run_shows_every_candidate_as_explain_does(memory: Any, corpus: Corpus) -> None:
    runs, retriever = Runs(), SIFTRetriever(memory, k=3, fetch_k=20, score_threshold=0.0)
    retriever.invoke(corpus.queries[0], {"callbacks": [runs]})
    (run,) = runs.named("sift_select")
    explained = retriever.explain(corpus.queries[0])
    shown = run["outputs"]["candidates"]
    assert [one["id"] for one in shown] == [one.id for one in explained.passages]
    for row, passage in zip(shown, explained.passages, strict=True):
        names = ("rank", "reason", "information_gain", "gain_left", "relevance", "text")
        assert [row[name] for name in names] == [getattr(passage, name) for name in names]
        assert row["witnesses"] == dict(passage.witnesses)
    assert run["outputs"]["kernel"] == "phrases"
    json.dumps(run["outputs"], allow_nan=False)


@pytest.mark.parametrize("variables", HIDING, ids=lambda v: "-".join(map("=".join, v.items())))
def test_texts_are_nowhere_if_they_are_turned_off(
    memory: Any, corpus: Corpus, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    check_hidden(SIFTRetriever(memory), corpus, monkeypatch)


def test_texts_are_nowhere_if_the_retriever_forbids_them(
    memory: Any, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_hidden(SIFTRetriever(memory, trace_content=False), corpus, monkeypatch)


def check_hidden(retriever: SIFTRetriever, corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = Runs()
    with recorded(monkeypatch) as spans:
        found = retriever.invoke(corpus.queries[0], {"callbacks": [runs]}, filter=lambda _: True)
    said = own_runs(runs) + repr([dict(span.attributes) for span in spans])
    assert corpus.queries[0] not in said
    assert not [text for text in corpus.texts if text in said]
    assert len(spans) == 1
    assert all(str(document.id) in said for document in found)


@pytest.mark.parametrize("variables", SHOWING, ids=lambda v: "-".join(map("=".join, v.items())))
def test_texts_are_shown_otherwise(
    memory: Any, corpus: Corpus, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    runs = Runs()
    with recorded(monkeypatch) as spans:
        found = SIFTRetriever(memory).invoke(corpus.queries[0], {"callbacks": [runs]})
    (span,) = spans
    assert span.attributes["reranker.query"] == corpus.queries[0]
    asked = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT" in variables
    assert ("gen_ai.retrieval.query.text" in span.attributes) == asked
    assert found[0].page_content in own_runs(runs)
    shown = documents(span, "reranker.output_documents")
    assert [row["content"] for row in shown] == [document.page_content for document in found]


def test_a_span_has_the_names_of_both_conventions(
    memory: Any, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    retriever = SIFTRetriever(memory, k=3, fetch_k=20)
    with recorded(monkeypatch) as spans:
        found = retriever.invoke(corpus.queries[0])
    explained = retriever.explain(corpus.queries[0])
    (span,) = spans
    given = documents(span, "reranker.input_documents")
    assert {row["id"] for row in given} == {one.id for one in explained.passages}
    similarities = [row["score"] for row in given]
    assert similarities == sorted(similarities, reverse=True)
    reasons = {row["id"]: row["metadata"]["reason"] for row in given}
    assert reasons == {one.id: one.reason for one in explained.passages}
    chosen = documents(span, "reranker.output_documents")
    assert [row["id"] for row in chosen] == [document.id for document in found]
    assert json.loads(span.attributes["gen_ai.retrieval.documents"]) == [
        {"id": document.id, "score": document.metadata["relevance_score"]} for document in found
    ]
    assert span.attributes["openinference.span.kind"] == "RERANKER"
    assert span.attributes["gen_ai.operation.name"] == "retrieval"
    assert span.attributes["reranker.top_k"] == span.attributes["gen_ai.retrieval.top_k"] == 3


def test_of_a_limited_span_the_nearest_and_the_chosen_stay(
    memory: Any, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    with recorded(monkeypatch, most=128) as spans:
        found = SIFTRetriever(memory).invoke(corpus.queries[0])
    (span,) = spans
    chosen = documents(span, "reranker.output_documents")
    assert [row["id"] for row in chosen] == [document.id for document in found]
    assert len(chosen[0]) == 4
    assert len(documents(span, "reranker.input_documents")[0]) == 4
    assert len(span.attributes) == 128
    assert span.attributes["gen_ai.operation.name"] == "retrieval"


def test_the_compressor_is_traced_as_the_retriever_is(
    memory: Any, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = SIFTRetriever(memory, k=10, annotate=False).invoke(corpus.queries[0])
    compressor, runs = SIFTCompressor(vectorstore=memory, k=2, trace_content=False), Runs()
    with recorded(monkeypatch) as spans:
        found = compressor.compress_documents(given, corpus.queries[0], [runs])
    assert len(runs.named("sift_select")[0]["outputs"]["candidates"]) == 10
    assert len(documents(spans[0], "reranker.output_documents")) == len(found) == 2
    assert not [text for text in corpus.texts if text in own_runs(runs)]


def test_runs_have_the_right_parents_in_batches_and_streams(memory: Any, corpus: Corpus) -> None:
    retriever = SIFTRetriever(memory, fetch_k=20)
    chain = retriever | RunnableLambda(lambda found: found[0].page_content)

    def check(runs: Runs, queries: list[str]) -> None:
        retrievals = {i: run for i, run in runs.runs.items() if run["name"] == "SIFTRetriever"}
        assert sorted(run["query"] for run in retrievals.values()) == sorted(queries)
        chosen = runs.named("sift_select")
        assert sorted(run["parent"] for run in chosen) == sorted(retrievals)
        for run in chosen:  # each shows the picks of its own question
            found = retriever.invoke(retrievals[run["parent"]]["query"])
            assert run["outputs"]["ids"] == [document.id for document in found]

    several = corpus.queries[:5]
    runs = Runs()
    chain.batch(several, {"callbacks": [runs]})
    check(runs, several)
    runs = Runs()
    asyncio.run(chain.abatch(several, {"callbacks": [runs]}))
    check(runs, several)
    runs = Runs()
    assert list(chain.stream(several[0], {"callbacks": [runs]}))
    check(runs, several[:1])


async def test_spans_lie_below_the_current_span(
    memory: Any, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    from opentelemetry import trace

    def scorer(question: str, texts: list[str]) -> list[float]:
        with trace.get_tracer("user").start_as_current_span("inside"):
            return [0.0] * len(texts)

    retriever = SIFTRetriever(memory, relevance=scorer)

    async def asked(query: str) -> None:
        with trace.get_tracer("user").start_as_current_span(query):
            await retriever.ainvoke(query)
            retriever.invoke(query)
        assert not trace.get_current_span().is_recording()

    with recorded(monkeypatch) as spans:
        await asyncio.gather(*map(asked, corpus.queries[:3]))
    by_id = {span.context.span_id: span for span in spans}
    for name, parents in (("sift_select", corpus.queries[:3]), ("inside", ["sift_select"])):
        found = [span for span in spans if span.name == name]
        assert len(found) == 6
        assert {by_id[span.parent.span_id].name for span in found} == set(parents)
    for span in spans:
        if span.name == "sift_select":
            assert span.attributes["reranker.query"] == by_id[span.parent.span_id].name


def test_a_span_lies_below_the_span_that_a_handler_keeps(
    memory: Any, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    from opentelemetry import trace

    class Bridge(Runs):
        """As OpenInference's: a span for every run, which is not the current one."""

        def get_span(self, run_id: UUID) -> Any:
            run = self.runs[run_id]
            return run.setdefault("span", trace.get_tracer("bridge").start_span(run["name"] + "!"))

    bridge = Bridge()
    with recorded(monkeypatch) as spans:
        SIFTRetriever(memory).invoke(corpus.queries[0], {"callbacks": [bridge]})
    (span,) = spans
    (run,) = bridge.named("sift_select")
    assert span.parent.span_id == run["span"].get_span_context().span_id
