"""How a retrieval feeds a tuner: select the passages to train on, and train on them.

`sift_retrievers.finetune`, and torch with it, is imported only when a tuner is in use.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from sift_retrievers.selection import Selection

if TYPE_CHECKING:
    from sift_retrievers.finetune import Report, TestTimeTuner
    from sift_retrievers.retrieval.retrieval import Retrieval

DEFAULT_STEPS: Final = 50
"""Passages to select when the tuner's budget sets no `max_steps`; N in arXiv 2410.08020."""


def checked_tuner(value: Any) -> TestTimeTuner | None:
    """Check the `fine_tune` argument of a retriever and return it.

    Raises:
        ImportError: if the extra `finetune` is not installed.
        ValueError: if `value` is neither a `TestTimeTuner` nor None.
    """
    if value is None:
        return None
    try:
        from sift_retrievers.finetune import TestTimeTuner
    except ImportError as error:
        raise ImportError(
            "fine_tune= needs torch, transformers and peft: "
            f"pip install 'sift-retrievers[finetune]' ({error})"
        ) from error
    if not isinstance(value, TestTimeTuner):
        raise ValueError(f"fine_tune must be a TestTimeTuner; got {type(value).__name__}")
    return value


@dataclass(frozen=True)
class TrainingPassages:
    """The passages to train on, in selection order. A passage may occur several times."""

    texts: tuple[str, ...]
    ids: tuple[str | None, ...]
    selection: Selection[Any] | None
    """The selection that chose the passages; None if the store returned no candidates."""


def fine_tune(tuner: TestTimeTuner, retrieval: Retrieval[Any]) -> Report | None:
    """Train in the tuner's open session, on passages selected from a retrieval's candidates.

    Returns:
        The report of the training; None in a session that was opened with `tuned=False`.

    Raises:
        NoRequestError: if no session of the tuner is open here.
        TuningError: if training failed and the tuner's `on_error` is "raise".
    """
    session = tuner.current_session()
    if not session.tuned:
        return None
    chosen = _select_for_training(tuner, retrieval)
    return session.tune(retrieval.query, chosen.texts, selection=chosen.selection, ids=chosen.ids)


async def afine_tune(tuner: TestTimeTuner, retrieval: Retrieval[Any]) -> Report | None:
    """Async version of `fine_tune`. If it is cancelled, training stops after the current step."""
    session = tuner.current_session()
    if not session.tuned:
        return None
    from sift_retrievers.finetune.worker_threads import run_in_thread

    chosen = await run_in_thread(_select_for_training, tuner, retrieval)
    return await session.atune(
        retrieval.query, chosen.texts, selection=chosen.selection, ids=chosen.ids
    )


def _select_for_training(tuner: TestTimeTuner, retrieval: Retrieval[Any]) -> TrainingPassages:
    """Select with replacement, as in arXiv 2410.08020, as many passages as training has steps."""
    steps = tuner.settings.budget.max_steps or DEFAULT_STEPS
    chosen = _read(retrieval.for_training(steps, tuner.settings.lambda_))
    targets = len(retrieval.targets)
    if chosen.selection is None or targets == 1:
        return chosen
    # The tuner's stopping rules expect the mean variance of the targets, not the sum.
    variance = chosen.selection.variance / targets
    return replace(chosen, selection=replace(chosen.selection, variance=variance))


def _read(retrieval: Retrieval[Any]) -> TrainingPassages:
    """Read the picks of a finished retrieval."""
    return TrainingPassages(
        texts=tuple(pick.text for pick in retrieval.picks),
        ids=tuple(pick.id for pick in retrieval.picks),
        selection=retrieval.selection,
    )
