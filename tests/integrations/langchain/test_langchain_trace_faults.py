"""What goes wrong with a trace stays with the trace; odd texts are traced, too."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from corpus import Corpus
from langchain_core.documents import Document
from recorded_spans import documents, recorded
from store_cases import CASES
from traced_runs import Runs

from langchain_sift import SIFTCompressor, SIFTRetriever
from sift_retrievers.retrieval import traces


@pytest.fixture
def memory(corpus: Corpus) -> Any:
    return CASES["InMemory"].filled(corpus)


def test_an_error_is_written_to_the_span(
    memory: Any, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    def scorer(question: str, texts: list[str]) -> list[float]:
        raise ConnectionError(f"secret {question}")

    retriever = SIFTRetriever(memory, relevance=scorer)
    with recorded(monkeypatch) as spans, pytest.raises(ConnectionError):
        retriever.invoke(corpus.queries[0])
    assert spans[0].attributes == {"error.type": "ConnectionError"}
    assert not spans[0].status.is_ok
    assert spans[0].events == ()


def test_a_tracer_that_fails_never_fails_a_retrieval(
    memory: Any, corpus: Corpus, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from opentelemetry import trace
    from opentelemetry.sdk.trace import Span

    def broken(*args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("broken")

    retriever = SIFTRetriever(memory)
    usual = retriever.invoke(corpus.queries[0])
    for owner, name in ((trace, "get_tracer"), (Span, "set_attributes"), (trace, "use_span")):
        with monkeypatch.context() as patch, recorded(patch):
            patch.setattr(owner, name, broken)
            assert retriever.invoke(corpus.queries[0]) == usual
            assert asyncio.run(retriever.ainvoke(corpus.queries[0])) == usual
    with monkeypatch.context() as patch, recorded(patch) as spans:
        patch.setattr(traces, "selection_trace", broken)
        runs = Runs()
        assert retriever.invoke(corpus.queries[0], {"callbacks": [runs]}) == usual
        assert runs.named("sift_select")[0]["outputs"]["stop_reason"] == "k"
    assert len(spans) == 1
    assert "could not be traced" in caplog.text
    assert not trace.get_current_span().is_recording()


def test_nothing_is_made_where_nobody_listens(
    memory: Any, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

    def never(*args: Any) -> Any:
        raise AssertionError("a trace was made")

    monkeypatch.setattr(traces, "selection_trace", never)
    monkeypatch.setattr(traces, "attempted", lambda make, *args: make(*args))
    retriever = SIFTRetriever(memory)
    assert retriever.invoke(corpus.queries[0])
    with recorded(monkeypatch, sampler=ALWAYS_OFF):
        assert retriever.invoke(corpus.queries[0])


def test_odd_texts_and_ids(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lone surrogates, which UTF-8 cannot hold, huge texts, HTML, none at all."""
    odd = ["\ud800 lone", "x" * 100_000, "<script>alert(1)</script>", "", "نص עברית 🦙\u2028"]
    corpus.embeddings.table |= dict(zip(odd, corpus.vectors, strict=False))
    given = [Document(text) for text in odd]
    compressor, runs = SIFTCompressor(embedding=corpus.embeddings, k=3), Runs()
    with recorded(monkeypatch) as spans:
        compressor.compress_documents(given, corpus.queries[0], [runs])
    (span,) = spans
    for value in span.attributes.values():
        if isinstance(value, str):
            value.encode()
            assert len(value) < 3 * traces.LONGEST
    assert "id" not in documents(span, "reranker.input_documents")[0]
    json.dumps(runs.named("sift_select")[0]["outputs"], allow_nan=False).encode()


def test_no_candidates(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus.texts, corpus.ids, corpus.metadatas = [], [], []
    runs, retriever = Runs(), SIFTRetriever(CASES["InMemory"].filled(corpus))
    with recorded(monkeypatch) as spans:
        assert retriever.invoke(corpus.queries[0], {"callbacks": [runs]}) == []
    assert runs.named("sift_select")[0]["outputs"]["candidates"] == []
    assert spans[0].attributes["gen_ai.retrieval.documents"] == "[]"
