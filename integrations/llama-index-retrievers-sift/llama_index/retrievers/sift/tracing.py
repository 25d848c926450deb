"""The spans and events of LlamaIndex for a retrieval."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

import llama_index.core.instrumentation as instrument
from llama_index.core.instrumentation import Dispatcher, NullEventHandler, NullSpanHandler
from llama_index.core.instrumentation.events.base import BaseEvent
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from sift_retrievers.retrieval.traces import HIDDEN, SelectionTrace, clean

dispatcher = instrument.get_dispatcher(__name__)
T = TypeVar("T")


class SIFTSelectionEvent(BaseEvent):
    """A selection: all candidates, and why each was chosen or not."""

    query: str | None
    """None where texts are not recorded."""
    k: int
    """The most nodes to return."""
    selection: dict[str, Any]
    """See `sift_retrievers.retrieval.traces.SelectionTrace.summary`."""
    candidates: list[dict[str, Any]]
    """The chosen in selection order, then the rest, nearest first. Each has `id`, the numbers of
    `sift_retrievers.retrieval.traces.TracedPassage`, and `text` where texts are recorded."""

    @classmethod
    def class_name(cls) -> str:
        """The name under which handlers know it."""
        return "SIFTSelectionEvent"


def watched() -> bool:
    """Whether anybody handles events or spans."""
    source: Dispatcher | None = dispatcher
    while source is not None:
        if not all(isinstance(one, NullEventHandler) for one in source.event_handlers):
            return True
        if not all(isinstance(one, NullSpanHandler) for one in source.span_handlers):
            return True
        source = source.parent if source.propagate else None
    return False


async def in_span(
    name: str, step: Coroutine[Any, Any, tuple[T, dict[str, Any]]], inputs: dict[str, Any]
) -> T:
    """Await a step of a retrieval in a span of LlamaIndex, if anybody handles spans.

    The handlers see the inputs and outputs that are given here, not the arguments and the result of
    the step, which hold all texts and vectors.

    Args:
        name: of the span.
        step: gives its result, and the outputs that the span shows.
        inputs: that the span shows.
    """
    if not watched():
        return (await step)[0]
    results: list[T] = []

    async def shown(**inputs: Any) -> dict[str, Any]:  # noqa: ARG001  # the handlers read them
        result, outputs = await step
        results.append(result)
        return outputs

    shown.__name__ = shown.__qualname__ = name
    await dispatcher.span(shown)(**inputs)
    return results[0]


def send(trace: SelectionTrace, k: int) -> None:
    """Send the event of a selection to the handlers."""
    selection = trace.shown()
    candidates = selection.pop("candidates")
    dispatcher.event(
        SIFTSelectionEvent(query=trace.query, k=k, selection=selection, candidates=candidates)
    )


def shown_query(query: QueryBundle, recorded: bool) -> str:
    """The text of a query as a span shows it."""
    return clean(query.query_str) if recorded else HIDDEN


def shown_nodes(nodes: Sequence[NodeWithScore], recorded: bool) -> list[NodeWithScore]:
    """Nodes as events show them: as they are, or without texts and metadata."""
    if recorded:
        return [*nodes]
    return [NodeWithScore(node=TextNode(id_=n.node_id, text=""), score=n.score) for n in nodes]
