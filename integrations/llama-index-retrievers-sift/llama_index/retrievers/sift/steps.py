"""The steps after the candidates are known, shared by the retriever and the reranker."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter
from typing import Any

from llama_index.core.schema import NodeWithScore, QueryBundle

from llama_index.retrievers.sift.nodes import chosen_nodes
from llama_index.retrievers.sift.settings import SelectionSettings
from llama_index.retrievers.sift.tracing import in_span, send, watched
from sift_retrievers.retrieval import Hits, Retrieval, SelectionRules, Target, retrieve
from sift_retrievers.retrieval.fine_tuning import afine_tune, fine_tune
from sift_retrievers.retrieval.spans import SelectionSpan
from sift_retrievers.retrieval.traces import attempted, records_texts, traced
from sift_retrievers.retrieval.work import OnLoop, Work


async def choose(
    work: Work,
    query: QueryBundle,
    targets: Sequence[Target],
    hits: Hits[NodeWithScore],
    seconds: dict[str, float],
    k: int,
    rules: SelectionRules,
    scores: Sequence[float] | None = None,
    *,
    trace_content: bool = True,
) -> Retrieval[NodeWithScore]:
    """Choose from the candidates, in the span "sift_select".

    Adds the time of this stage to `seconds`. `trace_content` says whether traces may show texts;
    the other arguments are those of `sift_retrievers.retrieval.retrieve`.
    """

    async def step() -> tuple[Retrieval[NodeWithScore], dict[str, Any]]:
        with SelectionSpan() as span:
            start = perf_counter()
            asked = (query.query_str, targets, hits, k, rules, scores, seconds)
            retrieval = await work.call("select", rules.owner, retrieve, *asked)
            seconds["select"] = perf_counter() - start
            heard = watched()
            if not (heard or span.recorded):
                return retrieval, {}
            trace = await traced(work, retrieval, records_texts(trace_content))
            if trace is None:
                return retrieval, retrieval.trace()
            if span.recorded:
                span.write(trace, k)
            if heard:
                attempted(send, trace, k)
            return retrieval, trace.shown()

    shown = {"k": k, "candidates": len(hits)}
    return await in_span("sift_select", step(), shown)


async def answer(
    work: Work, retrieval: Retrieval[NodeWithScore], settings: SelectionSettings
) -> list[NodeWithScore]:
    """The chosen nodes, after the training of the model if there is a tuner.

    The timeout does not limit the training.
    """
    tuner = settings.fine_tune
    if tuner is not None and isinstance(work, OnLoop):
        await afine_tune(tuner, retrieval)
    elif tuner is not None:
        fine_tune(tuner, retrieval)
    return chosen_nodes(retrieval, settings.annotate)


def as_bundle(query: Any) -> QueryBundle:
    """A query as a `QueryBundle`; it may be given as a text.

    Raises:
        TypeError: for anything else.
    """
    if isinstance(query, str):
        return QueryBundle(query)
    if not isinstance(query, QueryBundle):
        raise TypeError(f"a query is a text or a QueryBundle; got {type(query).__name__} {query!r}")
    return query
