"""A span of OpenTelemetry for every selection, by the names of OpenInference and of OpenTelemetry.

OpenTelemetry is never imported here: a program that records spans has imported it.
"""

from __future__ import annotations

import json
import sys
from typing import Any, Final, Self

from sift_retrievers.retrieval.traces import (
    SelectionTrace,
    TracedPassage,
    attempted,
    captures_by_opentelemetry,
)

NAME: Final = "sift_select"


class SelectionSpan:
    """A span around a selection, to be used in `with`; none if no span would be recorded.

    The span is the current one inside. A tracer that fails is logged, and never fails the
    retrieval.
    """

    __slots__ = ("_current", "_parent", "_span")

    def __init__(self, parent: Any = None) -> None:
        """Start below a span; None: below the current one."""
        self._parent = parent
        self._span: Any = None
        self._current: Any = None

    @property
    def recorded(self) -> bool:
        """Whether there is a span that records what is written to it."""
        return self._span is not None

    def __enter__(self) -> Self:
        api = sys.modules.get("opentelemetry.trace")
        if api is not None:
            attempted(self._start, api)
        return self

    def write(self, trace: SelectionTrace, k: int) -> None:
        """Write what is known after the selection."""
        attempted(lambda: self._span.set_attributes(attributes_of(trace, k)))

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if self._span is not None:
            attempted(self._end, error)

    def _start(self, api: Any) -> None:
        version = sys.modules["sift_retrievers"].__version__
        context = None if self._parent is None else api.set_span_in_context(self._parent)
        span = api.get_tracer("sift_retrievers", version).start_span(NAME, context)
        if not span.is_recording():
            return
        self._span = span
        current = api.use_span(span, record_exception=False, set_status_on_exception=False)
        current.__enter__()
        self._current = current

    def _end(self, error: BaseException | None) -> None:
        try:
            if self._current is not None:
                self._current.__exit__(None, None, None)
            if isinstance(error, Exception):
                self._span.set_attribute("error.type", type(error).__qualname__)
                self._span.set_status(sys.modules["opentelemetry.trace"].StatusCode.ERROR)
        finally:
            self._span.end()


def attributes_of(trace: SelectionTrace, k: int) -> dict[str, Any]:
    """The attributes of a span.

    A span of the SDK keeps 128 attributes by default, and drops those that were written first. So
    the farthest candidates come first, and what describes the whole comes last.

    Args:
        trace: of the selection.
        k: the largest number of passages to choose.
    """
    written: dict[str, Any] = {}
    for passage in sorted(trace.passages, key=lambda one: -one.position):
        prefix = f"reranker.input_documents.{passage.position}"
        written |= _document(prefix, passage, passage.numbers["similarity"])
    picked = [(trace.passages[index], score) for index, score in trace.picks]
    for rank, (passage, score) in reversed([*enumerate(picked)]):
        written |= _document(f"reranker.output_documents.{rank}", passage, score)
    if trace.query is not None:
        written["reranker.query"] = trace.query
        if captures_by_opentelemetry():
            written["gen_ai.retrieval.query.text"] = trace.query
    for name, value in trace.summary.items():
        if name not in ("ids", "information_gain"):  # they are with the documents
            written[f"sift.{name}"] = value
    return written | {
        "openinference.span.kind": "RERANKER",
        "reranker.model_name": "sift",
        "reranker.top_k": k,
        "gen_ai.operation.name": "retrieval",
        "gen_ai.retrieval.top_k": k,
        "gen_ai.retrieval.documents": _json(
            [
                {"score": score} if passage.id is None else {"id": passage.id, "score": score}
                for passage, score in picked
            ]
        ),
    }


def _document(prefix: str, passage: TracedPassage, score: float | None) -> dict[str, Any]:
    known = {
        "id": passage.id,
        "content": passage.text,
        "metadata": _json(passage.numbers),
        "score": score,
    }
    return {
        f"{prefix}.document.{name}": value for name, value in known.items() if value is not None
    }


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
