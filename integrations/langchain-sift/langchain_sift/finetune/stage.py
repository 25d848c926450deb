"""Fine-tuning as a traced stage of a retrieval."""

from __future__ import annotations

from typing import Any

from langchain_core.documents import Document

from langchain_sift.tracing import Stages
from sift_retrievers.finetune import Report, TestTimeTuner
from sift_retrievers.retrieval import Retrieval
from sift_retrievers.retrieval.fine_tuning import afine_tune, fine_tune
from sift_retrievers.retrieval.work import Work


async def tune(
    work: Work,
    tuner: TestTimeTuner,
    retrieval: Retrieval[Document],
    stages: Stages,
) -> None:
    """Train in the tuner's open session, on passages selected from a retrieval's candidates.

    Raises:
        NoRequestError: if no session of the tuner is open here.
        TuningError: if training failed and the tuner's `on_error` is "raise".
    """
    async with stages.stage("fine_tune", {"query": retrieval.query}) as outputs:
        report = await work.call("fine_tune", tuner, fine_tune, tuner, retrieval, native=afine_tune)
        outputs |= _trace_outputs(report)


def _trace_outputs(report: Report | None) -> dict[str, Any]:
    """What a trace shows of the training; None stands for a session with `tuned=False`."""
    if report is None:
        return {"steps": 0, "stopped": "tuned=False"}
    return {
        "steps": report.steps,
        "stopped": report.stopped,
        "losses": [*report.losses],
        "passage_ids": [*report.passage_ids],
        "seconds": report.seconds,
        "predicted_gain": report.predicted_gain,
        "error": report.error,
    }
