"""Where retrieval and fine-tuning meet: what a retriever calls once its passages are selected.

Fine-tuning, and torch with it, is imported by whoever makes a tuner, not by this module.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from sift_retrievers.retrieval import Retrieval
from sift_retrievers.selection import Selection

if TYPE_CHECKING:
    from sift_retrievers.finetune import Report, Request, TestTimeTuner

STEPS: Final = 50  # of a budget that does not say how many; the paper's N


def checked_tuner(given: Any) -> TestTimeTuner | None:
    """What a retriever was given as `fine_tune`.

    Raises:
        ImportError: without the extra `finetune`.
        ValueError: for anything but a tuner or None.
    """
    if given is None:
        return None
    try:
        from sift_retrievers.finetune import TestTimeTuner
    except ImportError as error:
        raise ImportError(
            "fine_tune= needs torch, transformers and peft: "
            f"pip install 'sift-retrievers[finetune]' ({error})"
        ) from error
    if not isinstance(given, TestTimeTuner):
        raise ValueError(f"fine_tune must be a TestTimeTuner; got {type(given).__name__}")
    return given


@dataclass(frozen=True)
class TrainingSet:
    """The passages of a request, in selection order, repeats included."""

    query: str
    passages: tuple[str, ...]
    ids: tuple[str | None, ...]
    selection: Selection[Any] | None
    """None if there was nothing to select from."""


def training_set(tuner: TestTimeTuner, retrieval: Retrieval[Any]) -> TrainingSet:
    """Select from a retrieval's candidates what to train on: with replacement, as the paper does.

    Args:
        tuner: gives λ′ and, by its budget, the number of steps.
        retrieval: of the passages that the model will read.
    """
    chosen = retrieval.for_training(tuner.budget.max_steps or STEPS, tuner.lambda_).outcome
    selection = chosen.choice.selection
    targets = len(retrieval.targets)
    if selection is not None and targets > 1:
        # σ is the root of the mean over the targets, which the rules of the tuner look at.
        selection = replace(selection, variance=selection.variance / targets)
    return TrainingSet(
        query=retrieval.query,
        passages=tuple(retrieval.text(document) for document in chosen.documents),
        ids=tuple(retrieval.hits.ids[i] for i in chosen.choice.picks.tolist()),
        selection=selection,
    )


def fine_tune(tuner: TestTimeTuner, retrieval: Retrieval[Any]) -> Report | None:
    """Train for the request that encloses the calling code, on a selection from its candidates.

    Returns:
        What was trained; None in a request that was opened with `tuned=False`.

    Raises:
        NoRequestError: outside of any request.
        TuningError: if training failed and the tuner's policy is "raise".
    """
    request = tuner.current_request()
    if not request.tuned:
        return None
    chosen = training_set(tuner, retrieval)
    return request.tune(chosen.query, chosen.passages, selection=chosen.selection, ids=chosen.ids)


def hand_on(request: Request | None, on_report: Callable[[Report], None] | None) -> None:
    """Give `on_report` what was trained in a request that is over; nothing where nothing was.

    What it raises is raised: whoever keeps a record of each request gets no answer without one.
    """
    if on_report is not None and request is not None and request.report is not None:
        on_report(request.report)


def warn_untrained(request: Request) -> None:
    """Say so if a request that was to be tuned was not: somebody forgot to set the hook."""
    if request.tuned and request.report is None:
        warnings.warn(
            "nothing was trained in a request: no retriever in it has fine_tune=tuner. If that is "
            "meant so, wrap with tuned=False",
            stacklevel=2,
        )


async def afine_tune(tuner: TestTimeTuner, retrieval: Retrieval[Any]) -> Report | None:
    """The same; selection and training leave the event loop free, a cancellation ends them."""
    request = tuner.current_request()
    if not request.tuned:
        return None
    from sift_retrievers.finetune.threads import in_thread

    chosen = await in_thread(training_set, tuner, retrieval)
    return await request.atune(
        chosen.query, chosen.passages, selection=chosen.selection, ids=chosen.ids
    )
