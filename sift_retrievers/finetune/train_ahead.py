"""`train_ahead`: trains the adapters of several requests side by side, into the cache."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import replace
from itertools import islice
from typing import Any, TypeAlias

import torch

from sift_retrievers.finetune.adapter_cache import TrainedAdapter, cache_key
from sift_retrievers.finetune.current_session import end_abandoned_requests
from sift_retrievers.finetune.errors import TuningError
from sift_retrievers.finetune.progress import Progress
from sift_retrievers.finetune.report import Report
from sift_retrievers.finetune.session import Session
from sift_retrievers.finetune.stacked_adapters import check_stackable
from sift_retrievers.finetune.stacked_steps import StackedTraining, train_stacked
from sift_retrievers.finetune.trainer import Trainer
from sift_retrievers.finetune.training_plan import plan_training
from sift_retrievers.finetune.worker_threads import run_in_thread, wait_for_thread
from sift_retrievers.selection import Selection
from sift_retrievers.validation import count

AheadRequest: TypeAlias = (
    tuple[str, Sequence[str]] | tuple[str, Sequence[str], Selection[Any] | None]
)
"""`(query, passages)` or `(query, passages, selection)`, as `TestTimeTuner.session` takes them."""


class AheadTraining:
    """Trains the adapters of several requests side by side; makes one report for each."""

    def __init__(self, trainer: Trainer, requests: Sequence[AheadRequest], batch_size: int) -> None:
        """Check the arguments; the model is not touched.

        Args:
            trainer: of the model.
            requests: see `TestTimeTuner.train_ahead`.
            batch_size: how many are trained at once.

        Raises:
            TypeError: if a request is not of the form above.
            ValueError: if there is no cache, if the adapters cannot be trained side by side, or as
                `plan_training` does.
        """
        self._trainer, self._batch_size = trainer, count(batch_size, "batch_size")
        self._adapter_bytes = sum(parameter.nbytes for parameter in trainer.slot.parameters)
        if not trainer.cache.max_bytes:
            raise ValueError(
                "train_ahead puts adapters into the tuner's cache, and there is none: set "
                f"cache_bytes to at least {self._adapter_bytes} for each request"
            )
        check_stackable(trainer.slot)
        self._requests = [_checked(i, request) for i, request in enumerate(requests)]
        self._plans = [
            plan_training(
                len(passages), selection, trainer.settings.alpha, trainer.settings.min_gain
            )
            for _, passages, selection in self._requests
        ]

    def run(self, session: Session) -> list[Report]:
        """Train in an open session, whose own adapter stays off.

        Raises:
            ValueError: if the cache cannot hold all adapters.
            TuningError: if the training of a batch failed and `on_error` is "raise".
        """
        with session.training() as stop:
            trainings, keys = self._trainings(session)
            self._check_cache_size(len(trainings))
            # Requests with equally many steps together, so that few leave a batch early.
            waiting = sorted(
                (item for item in trainings.items() if not item[1].ended),
                key=lambda item: len(item[1].examples),
            )
            if self._trainer.device.type == "cuda":
                torch.cuda.reset_peak_memory_stats(self._trainer.device)
            for i in range(0, len(waiting), self._batch_size):
                self._train(dict(waiting[i : i + self._batch_size]), stop)
        return self._reports(session, trainings, keys)

    async def arun(self, session: Session) -> list[Report]:
        """Async version of `run`. If it is cancelled, training stops after the current step."""

        def run() -> list[Report]:
            try:
                return self.run(session)
            finally:
                end_abandoned_requests()  # nobody else will, if the event loop was closed meanwhile

        return await wait_for_thread(run_in_thread(run), cancel=session.cancel)

    def verified(self, reports: Sequence[Report]) -> list[Report]:
        """Note in the reports that the base model was found to be unchanged after the session."""
        return [replace(report, verified=self._trainer.settings.verify) for report in reports]

    def _trainings(self, session: Session) -> tuple[dict[str, StackedTraining], list[str | None]]:
        """Make one training for each distinct request; those in the cache have ended already.

        Returns:
            The trainings by their keys in the cache, and the key of each request; None for a
            request that needs no training.
        """
        trainer, base = self._trainer, session.base
        if base is None:
            raise RuntimeError("a tuner with a cache takes the fingerprint of its base model")
        settings = trainer.cache_settings()
        trainings: dict[str, StackedTraining] = {}
        keys: list[str | None] = []
        for (query, passages, _), plan in zip(self._requests, self._plans, strict=True):
            if not plan.passages:
                keys.append(None)
                continue
            passages = passages[: plan.passages]
            examples = [
                *islice(trainer.examples(query, passages), trainer.settings.budget.max_steps)
            ]
            key = cache_key(base, settings, examples)
            keys.append(key)
            if key in trainings:
                continue
            training = trainings[key] = StackedTraining(examples)
            training.check = trainer.transfer_check(training.progress)
            training.after_step = trainer.step_callback(training.progress, len(passages), None)
            cached = trainer.cache.get(key)
            if cached is not None:
                training.progress.restore(cached.progress)
                training.ended = True
        return trainings, keys

    def _check_cache_size(self, adapters: int) -> None:
        needed = adapters * self._adapter_bytes
        if needed > self._trainer.cache.max_bytes:
            raise ValueError(
                f"the tuner's cache holds {self._trainer.cache.max_bytes} bytes; these {adapters} "
                f"adapters need {needed}: raise cache_bytes, or train fewer ahead"
            )

    def _train(self, batch: dict[str, StackedTraining], stop: Callable[[], bool]) -> None:
        """Train some requests at once, and put their adapters into the cache."""
        trainer, settings = self._trainer, self._trainer.settings
        failure = None
        try:
            train_stacked(
                trainer.slot,
                [*batch.values()],
                learning_rate=settings.learning_rate,
                budget=settings.budget,
                stop=stop,
                checkpointing=settings.gradient_checkpointing,
            )
        except Exception as error:
            failure = error
        for key, training in batch.items():
            if training.weights is not None:
                if training.progress.reproducible:
                    adapter = TrainedAdapter(training.weights, deepcopy(training.progress))
                    trainer.cache.put(key, adapter)
                training.weights = None  # the cache alone keeps them
            elif training.error is None and failure is not None:
                training.fail(failure)
        if failure is not None and settings.on_error == "raise":
            raise TuningError(f"training failed: {failure}") from failure

    def _reports(
        self,
        session: Session,
        trainings: dict[str, StackedTraining],
        keys: Sequence[str | None],
    ) -> list[Report]:
        """Make the reports in the order of the requests; a repeated one is from the cache."""
        reports: list[Report] = []
        reported: set[str] = set()
        for key, plan in zip(keys, self._plans, strict=True):
            if key is None:
                reports.append(session.make_report(plan, Progress(), None))
                continue
            training, progress = trainings[key], trainings[key].progress
            if key in reported and training.error is None and progress.reproducible:
                progress = Progress()
                progress.restore(training.progress)
            reported.add(key)
            reports.append(session.make_report(plan, progress, training.error))
        return reports


def _checked(
    position: int, request: AheadRequest
) -> tuple[str, Sequence[str], Selection[Any] | None]:
    """Return query, passages and selection of a request, or raise a TypeError."""
    if not isinstance(request, tuple | list) or len(request) not in (2, 3):
        raise TypeError(
            "requests must be (query, passages) or (query, passages, selection); got "
            f"{type(request).__name__} as request {position}"
        )
    query, passages = request[0], request[1]
    if isinstance(passages, str) or not all(isinstance(text, str) for text in passages):
        raise TypeError(
            f"the passages of request {position} must be a sequence of texts, in selection order"
        )
    return query, passages, request[2] if len(request) == 3 else None
