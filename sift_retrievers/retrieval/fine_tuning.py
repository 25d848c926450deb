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

DEFAULT_STEPS: Final = 20
"""Passages to select when the tuner's budget sets no `max_steps`."""
SIFT_LAMBDA: Final = 0.1
"""λ′ where a rule of the tuner needs SIFT's uncertainty and no λ′ is given. The paper's is 0.01;
0.1 was better in every comparison of benchmarks/test_time."""


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
    """The selection that chose the passages, if it was SIFT's: its uncertainty is about the answer.
    None if the store returned no candidates."""


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


def training_request(
    tuner: TestTimeTuner | None, retrieval: Retrieval[Any]
) -> tuple[str, tuple[str, ...], Selection[Any] | None]:
    """What a retrieval would be trained on, as `TestTimeTuner.train_ahead` takes it.

    Returns:
        The query, the passages in selection order, and the selection if it was SIFT's.

    Raises:
        ValueError: if there is no tuner.
    """
    if tuner is None:
        raise ValueError("training_request needs the retriever's fine_tune: set fine_tune=tuner")
    chosen = _select_for_training(tuner, retrieval)
    return retrieval.query, chosen.texts, chosen.selection


def _select_for_training(tuner: TestTimeTuner, retrieval: Retrieval[Any]) -> TrainingPassages:
    """Select as many passages as training has steps.

    Those that the retriever would return first, none of them twice; or as in arXiv 2410.08020 with
    replacement, if the tuner has a λ′ or a rule that needs the uncertainty.
    """
    settings = tuner.settings
    steps = settings.budget.max_steps or DEFAULT_STEPS
    lambda_ = settings.lambda_
    if lambda_ is None and (settings.alpha is not None or settings.min_gain is not None):
        lambda_ = SIFT_LAMBDA
    found = retrieval.for_training(steps, lambda_)
    selection = None if lambda_ is None else found.selection
    if selection is not None:
        # The tuner's stopping rules expect the mean variance of the targets, not the sum.
        selection = replace(selection, variance=selection.variance / len(retrieval.targets))
    return TrainingPassages(
        texts=tuple(pick.text for pick in found.picks),
        ids=tuple(pick.id for pick in found.picks),
        selection=selection,
    )
