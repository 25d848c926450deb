"""What `SIFTRetriever` and `SIFTCompressor` do with candidates: choose, train, copy, explain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.documents import Document

from langchain_sift.documents import copies_of_picks
from langchain_sift.settings import SelectionSettings
from langchain_sift.tracing import AnyManager, Stages
from sift_retrievers.retrieval import (
    Explanation,
    Hits,
    Retrieval,
    SelectionRules,
    Target,
    retrieve,
)
from sift_retrievers.retrieval.spans import SelectionSpan
from sift_retrievers.retrieval.traces import traced
from sift_retrievers.retrieval.work import SELECTION, OnLoop, Work


async def chosen(
    work: Work,
    stages: Stages,
    query: str,
    targets: Sequence[Target],
    hits: Hits[Document],
    k: int,
    rules: SelectionRules,
    scores: Any = None,
) -> Retrieval[Document]:
    """Choose from hits, in the stage "select".

    The arguments after `stages` are those of `sift_retrievers.retrieval.retrieve`.
    """
    arguments = (query, targets, hits, k, rules, scores, stages.seconds)
    stage = stages.stage("select", {"k": k, "candidates": len(hits)})
    async with stage as outputs:
        with SelectionSpan(stage.span()) as span:
            retrieval: Retrieval[Document] = await work.call(
                "select", rules.owner, retrieve, *arguments
            )
            stage.stop()
            trace = None
            if stages.watched or span.recorded:
                trace = await traced(work, retrieval, stages.records_texts())
            if trace is not None and span.recorded:
                span.write(trace, k)
        outputs |= retrieval.trace() if trace is None else trace.shown()
    return retrieval


async def returned(
    work: Work,
    settings: SelectionSettings,
    retrieval: Retrieval[Document],
    callbacks: AnyManager,
) -> list[Document]:
    """The documents for the caller, after the training of the model if `fine_tune` is set."""
    if settings.fine_tune is not None:
        from langchain_sift.finetune.stage import tune

        stages = Stages(callbacks, settings.trace_content)
        await tune(work, settings.fine_tune, retrieval, stages)
    return copies_of_picks(retrieval, settings.annotate)


def explained(retrieval: Retrieval[Document]) -> Explanation:
    """The explanation of a retrieval, with the settings that were in force."""
    return retrieval.explanation(k=retrieval.k, **retrieval.rules.settings())


async def aexplained(retrieval: Retrieval[Document]) -> Explanation:
    """Async version of `explained`."""
    return await OnLoop().call("explain", SELECTION, explained, retrieval)
