"""Fine-tuning as a stage of a retrieval, traced like the others."""

from __future__ import annotations

from typing import Any

from langchain_core.callbacks import AsyncCallbackManager, CallbackManager
from langchain_core.documents import Document

from langchain_sift.tracing import Stages
from sift_retrievers.finetune import Report, TestTimeTuner
from sift_retrievers.retrieval import Retrieval
from sift_retrievers.retrieval.fine_tuning import afine_tune, fine_tune


def tune(tuner: TestTimeTuner, retrieval: Retrieval[Document], callbacks: CallbackManager) -> None:
    """Train for the request around the caller.

    Raises:
        NoRequestError: outside of any request of the tuner.
        TuningError: if training failed and the tuner's policy is "raise".
    """
    with Stages(callbacks).stage("fine_tune", {"query": retrieval.query}) as outputs:
        outputs |= _shown(fine_tune(tuner, retrieval))


async def atune(
    tuner: TestTimeTuner, retrieval: Retrieval[Document], callbacks: AsyncCallbackManager
) -> None:
    """The same; training leaves the event loop free."""
    async with Stages(callbacks).stage("fine_tune", {"query": retrieval.query}) as outputs:
        outputs |= _shown(await afine_tune(tuner, retrieval))


def _shown(report: Report | None) -> dict[str, Any]:
    """What a trace shows of the training."""
    if report is None:
        return {"steps": 0, "stopped": "not wanted in this request"}
    return {
        "steps": report.steps,
        "stopped": report.stopped,
        "losses": [*report.losses],
        "passage_ids": [*report.passage_ids],
        "seconds": report.seconds,
        "predicted_gain": report.predicted_gain,
        "error": report.error,
    }
