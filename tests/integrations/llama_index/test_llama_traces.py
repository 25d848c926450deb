"""Events and spans show the choice, and hide texts where they are turned off."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import llama_index.core.instrumentation as instrument
import pytest
from corpus import Corpus
from llama_cases import TableEmbedding
from llama_index.core import VectorStoreIndex
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.callbacks import CallbackManager, CBEventType, LlamaDebugHandler
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events.rerank import ReRankEndEvent, ReRankStartEvent
from llama_index.core.instrumentation.span import SimpleSpan
from llama_index.core.instrumentation.span_handlers import SimpleSpanHandler
from llama_index.core.schema import NodeWithScore
from recorded_spans import documents, recorded

from llama_index.postprocessor.sift import SIFTRerank
from llama_index.retrievers.sift import SIFTRetriever
from llama_index.retrievers.sift.tracing import SIFTSelectionEvent, watched
from sift_retrievers.retrieval import traces


class Events(BaseEventHandler):
    seen: list[Any]

    def handle(self, event: Any, **kwargs: Any) -> None:
        self.seen.append(event)


class Spans(SimpleSpanHandler):
    """Keeps the spans, and all that a handler is given."""

    _given: list[Any] = PrivateAttr(default_factory=list)

    @property
    def given(self) -> list[Any]:
        return self._given

    def new_span(
        self, id_: str, bound_args: Any, instance: Any = None, *args: Any, **kwargs: Any
    ) -> SimpleSpan | None:
        self._given.append((id_, dict(bound_args.arguments)))
        return super().new_span(id_, bound_args, instance, *args, **kwargs)

    def prepare_to_exit_span(
        self, id_: str, bound_args: Any, instance: Any = None, result: Any = None, **kwargs: Any
    ) -> Any:
        self._given.append((id_, result))
        return super().prepare_to_exit_span(id_, bound_args, instance, result, **kwargs)


@pytest.fixture
def events() -> Iterator[Events]:
    handler, root = Events(seen=[]), instrument.get_dispatcher()
    root.add_event_handler(handler)
    yield handler
    root.event_handlers.remove(handler)


@pytest.fixture
def spans() -> Iterator[Spans]:
    handler, root = Spans(), instrument.get_dispatcher()
    root.add_span_handler(handler)
    yield handler
    root.span_handlers.remove(handler)


@pytest.fixture
def found(simple: VectorStoreIndex, corpus: Corpus) -> list[NodeWithScore]:
    return simple.as_retriever(similarity_top_k=20).retrieve(corpus.queries[0])


def selections(events: Events) -> list[SIFTSelectionEvent]:
    return [event for event in events.seen if isinstance(event, SIFTSelectionEvent)]


def own(spans: Spans) -> str:
    return repr([(i, shown) for i, shown in spans.given if i.startswith("sift_")])


def test_an_event_shows_every_candidate_as_explain_does(
    simple: VectorStoreIndex, corpus: Corpus, events: Events, spans: Spans
) -> None:
    retriever = SIFTRetriever(simple, similarity_top_k=3, fetch_top_k=20)
    chosen = retriever.retrieve(corpus.queries[0])
    (event,) = selections(events)
    explained = retriever.explain(corpus.queries[0])
    assert event.query == corpus.queries[0]
    assert event.selection["ids"] == [node.node_id for node in chosen]
    assert [one["id"] for one in event.candidates] == [one.id for one in explained.passages]
    for row, passage in zip(event.candidates, explained.passages, strict=True):
        names = ("rank", "reason", "information_gain", "gain_left", "relevance", "text")
        assert [row[name] for name in names] == [getattr(passage, name) for name in names]
    assert event.model_dump_json()
    names = [i.partition("-")[0] for i, _ in spans.given]
    assert {"sift_fetch", "sift_select", "SIFTRetriever._retrieve"} <= {*names}
    assert event.span_id is not None
    assert event.span_id.startswith("sift_select-")


async def test_events_of_questions_asked_at_once_lie_below_their_own_spans(
    simple: VectorStoreIndex, corpus: Corpus, events: Events, spans: Spans
) -> None:
    retriever = SIFTRetriever(simple)
    several = corpus.queries[:4]
    answers = await asyncio.gather(*map(retriever.aretrieve, several))
    by_id = {span.id_: span for span in spans.completed_spans}
    asked = {i: shown for i, shown in spans.given if isinstance(shown, dict)}
    assert len(selections(events)) == 4
    for event in selections(events):
        assert event.query is not None
        nodes = answers[several.index(event.query)]
        assert event.selection["ids"] == [node.node_id for node in nodes]
        parent = by_id[event.span_id].parent_id
        assert parent is not None
        assert asked[parent]["query_bundle"].query_str == event.query


@pytest.mark.parametrize("by", ["argument", "environment"])
def test_texts_are_nowhere_if_they_are_turned_off(
    simple: VectorStoreIndex,
    corpus: Corpus,
    events: Events,
    spans: Spans,
    found: list[NodeWithScore],
    monkeypatch: pytest.MonkeyPatch,
    by: str,
) -> None:
    settings: dict[str, Any] = {}
    if by == "argument":
        settings["trace_content"] = False
    else:
        monkeypatch.setenv("OPENINFERENCE_HIDE_INPUTS", "true")
    debug = LlamaDebugHandler(print_trace_on_end=False)
    model = TableEmbedding(corpus)
    with recorded(monkeypatch) as otel:
        SIFTRetriever(simple, **settings).retrieve(corpus.queries[0])
        rerank = SIFTRerank(
            top_n=3, embed_model=model, callback_manager=CallbackManager([debug]), **settings
        )
        chosen = rerank.postprocess_nodes(found, query_str=corpus.queries[0])
    ranked = [e for e in events.seen if isinstance(e, ReRankStartEvent | ReRankEndEvent)]
    assert [len(event.nodes) for event in ranked] == [20, 3]
    assert [node.node_id for node in ranked[1].nodes] == [node.node_id for node in chosen]
    payloads = [
        pair[i].payload for pair in debug.get_event_pairs(CBEventType.RERANKING) for i in (0, 1)
    ]
    said = own(spans) + repr(selections(events)) + repr(ranked) + repr(payloads)
    said += repr([dict(span.attributes) for span in otel])
    assert len(selections(events)) == len(otel) == 2
    assert corpus.queries[0] not in said
    assert not [text for text in corpus.texts if f"'{text}'" in said or f'"{text}"' in said]
    assert chosen[0].node_id in said
    assert chosen[0].node.get_content() in corpus.texts  # what is returned is whole


def test_the_reranker_makes_a_span_of_opentelemetry(
    corpus: Corpus, found: list[NodeWithScore], monkeypatch: pytest.MonkeyPatch
) -> None:
    rerank = SIFTRerank(top_n=3, embed_model=TableEmbedding(corpus))
    with recorded(monkeypatch) as otel:
        chosen = rerank.postprocess_nodes(found, query_str=corpus.queries[0])
    (span,) = otel
    assert [row["id"] for row in documents(span, "reranker.output_documents")] == [
        node.node_id for node in chosen
    ]
    assert [row["score"] for row in documents(span, "reranker.output_documents")] == [
        node.score for node in chosen
    ]
    assert len(documents(span, "reranker.input_documents")) == 20


def test_a_handler_that_fails_never_fails_a_retrieval(
    simple: VectorStoreIndex, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(BaseEventHandler):
        def handle(self, event: Any, **kwargs: Any) -> None:
            raise RuntimeError("broken")

    class BrokenSpans(SimpleSpanHandler):
        def new_span(self, *args: Any, **kwargs: Any) -> SimpleSpan | None:
            raise RuntimeError("broken")

    retriever, root = SIFTRetriever(simple), instrument.get_dispatcher()
    usual = retriever.retrieve(corpus.queries[0])
    handler, span_handler = Broken(), BrokenSpans()
    root.add_event_handler(handler)
    root.add_span_handler(span_handler)
    try:
        assert retriever.retrieve(corpus.queries[0]) == usual
        monkeypatch.setattr(traces, "selection_trace", None)
        assert retriever.retrieve(corpus.queries[0]) == usual
    finally:
        root.event_handlers.remove(handler)
        root.span_handlers.remove(span_handler)


def test_nothing_is_made_where_nobody_listens(
    simple: VectorStoreIndex, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*args: Any) -> Any:
        raise AssertionError("a trace was made")

    monkeypatch.setattr(traces, "selection_trace", never)
    monkeypatch.setattr(traces, "attempted", lambda make, *args: make(*args))
    assert not watched()
    assert SIFTRetriever(simple).retrieve(corpus.queries[0])


def test_an_error_reaches_the_span_and_the_caller(
    simple: VectorStoreIndex, corpus: Corpus, spans: Spans
) -> None:
    def scorer(question: str, texts: list[str]) -> list[float]:
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError):
        SIFTRetriever(simple, relevance=scorer).retrieve(corpus.queries[0])
    assert any(span.id_.startswith("sift_select-") for span in spans.dropped_spans)
