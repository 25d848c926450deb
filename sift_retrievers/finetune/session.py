"""`Session`: the time during which one request has the model to itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event, Lock
from typing import Any

from sift_retrievers.finetune.current_session import abandoned_here, end_abandoned_requests
from sift_retrievers.finetune.errors import TuningError
from sift_retrievers.finetune.export import export_adapter
from sift_retrievers.finetune.fingerprint import Fingerprint
from sift_retrievers.finetune.progress import Progress
from sift_retrievers.finetune.report import Report
from sift_retrievers.finetune.running_generations import RunningGenerations
from sift_retrievers.finetune.trainer import Trainer
from sift_retrievers.finetune.training_plan import TrainingPlan, plan_training
from sift_retrievers.finetune.worker_threads import run_in_thread, wait_for_thread
from sift_retrievers.selection import Selection


class Session:
    """One request has the model to itself. `TestTimeTuner.session` and `.request` open sessions."""

    def __init__(
        self,
        trainer: Trainer,
        *,
        base: Fingerprint | None,
        queue_seconds: float,
        tuned: bool = True,
    ) -> None:
        """Open a session; the caller holds the lock of the model.

        Args:
            trainer: of the model.
            base: fingerprint of the base model at this moment.
            queue_seconds: how long the request waited for the model.
            tuned: see the attribute.
        """
        self.report: Report | None = None
        """What was trained; None before `tune`. `report.verified` is set when the session ends."""
        self.base = base
        """Fingerprint of the base model before the session."""
        self.closed = False
        self.tuned = tuned
        """Whether retrievers with `fine_tune=tuner` train in this session."""
        self.generations = RunningGenerations(trainer.model)
        """The running calls of the model's `generate`."""
        self._trainer = trainer
        self._queue_seconds = queue_seconds
        self._trained_on: tuple[str, ...] | None = None
        self._stop = Event()
        self._training = Lock()

    def tune(
        self,
        query: str,
        passages: Sequence[str],
        *,
        selection: Selection[Any] | None = None,
        ids: Sequence[str | None] | None = None,
    ) -> Report:
        """Train the adapter and leave it on until the session ends.

        A second call with the same query and passages returns the first report: a chain may retry
        a step inside its session.

        Args:
            query: what is asked.
            passages: texts in selection order; each takes one gradient step, repeated ones too.
            selection: the result of `select` for the passages; `alpha`, `min_gain` and the report
                use it.
            ids: of the passages, for the report.

        Raises:
            TuningError: if training failed and the tuner's `on_error` is "raise".
            RuntimeError: if the session is over, or was trained on other passages.
            TypeError: if the passages are not texts.
            ValueError: if there are not as many ids or picks as passages, or if `alpha` or
                `min_gain` is set but no selection is given.
        """
        if isinstance(passages, str) or not all(isinstance(text, str) for text in passages):
            raise TypeError("passages must be a sequence of texts, in selection order")
        if ids is not None and len(ids) != len(passages):
            raise ValueError(f"ids must be {len(passages)}, one for each passage; got {len(ids)}")
        settings = self._trainer.settings
        with self._training:
            repeated = self._trained_on == (query, *passages)
            if repeated and self.report is not None and not self.closed:
                return self.report
            if self.closed or self.report is not None:
                raise RuntimeError(
                    "a session trains once, before it ends: set fine_tune=tuner on one retriever "
                    "of the chain, and call that retriever once per request"
                )
            plan = plan_training(len(passages), selection, settings.alpha, settings.min_gain)
            progress, error = Progress(), None
            if plan.passages:
                error = self._trainer.train(
                    query,
                    passages[: plan.passages],
                    progress,
                    base=self.base,
                    stop=lambda: self._stop.is_set() or abandoned_here(),
                    ids=ids,
                )
            self.report = self.make_report(plan, progress, error, ids)
            self._trained_on = (query, *passages)
            if error is not None and settings.on_error == "raise":
                raise TuningError(f"training failed: {error}") from error
            return self.report

    async def atune(
        self,
        query: str,
        passages: Sequence[str],
        *,
        selection: Selection[Any] | None = None,
        ids: Sequence[str | None] | None = None,
    ) -> Report:
        """Async version of `tune`. If it is cancelled, training stops after the current step."""

        def tune() -> Report:
            try:
                return self.tune(query, passages, selection=selection, ids=ids)
            finally:
                end_abandoned_requests()  # nobody else will, if the event loop was closed meanwhile

        return await wait_for_thread(run_in_thread(tune), cancel=self._stop.set)

    def export(self, folder: str | Path, *, base_model: str | None = None) -> Path:
        """Write the adapter in PEFT's format into a new folder inside `folder`; return its path.

        `PeftModel.from_pretrained(base, path)` and serving engines can load it. The name of the new
        folder is never used twice.

        Args:
            folder: made if it does not exist.
            base_model: name of the base model in adapter_config.json; default: the name that the
                model was loaded by. vLLM's resolver compares it with its own `--model`.

        Raises:
            RuntimeError: before `tune`, or when the session is over.
            OSError: if the folder cannot be written.
        """
        if self.closed or self.report is None:
            raise RuntimeError("an adapter can be exported inside its session only, after tune")
        return export_adapter(self._trainer.slot, folder, base_model)

    def cancel(self) -> None:
        """Ask training and generations to end after their current step or token."""
        self._stop.set()
        self.generations.stop()

    def close(self) -> None:
        """Allow no more training; if another thread trains, wait for the end of its step."""
        self._stop.set()
        with self._training:
            self.closed = True

    def mark_verified(self) -> None:
        """Note in the report that the base model was found to be unchanged."""
        if self.report is not None:
            self.report = replace(self.report, verified=self._trainer.settings.verify)

    @contextmanager
    def training(self) -> Iterator[Callable[[], bool]]:
        """Inside, `close` waits. Yields the function that tells whether training is to end.

        Raises:
            RuntimeError: if the session is over.
        """
        with self._training:
            if self.closed:
                raise RuntimeError("the session is over")
            yield lambda: self._stop.is_set() or abandoned_here()

    def make_report(
        self,
        plan: TrainingPlan,
        progress: Progress,
        error: Exception | None,
        ids: Sequence[str | None] | None = None,
    ) -> Report:
        """Make the report of a training in this session."""
        steps = len(progress.losses)
        stopped = plan.stopped
        if error is not None:
            stopped = "error"
        elif progress.stopped != "passages":
            stopped = progress.stopped
        elif steps == self._trainer.settings.budget.max_steps and steps < plan.passages:
            stopped = "max_steps"
        return Report(
            stopped=stopped,
            losses=tuple(progress.losses),
            passage_ids=() if ids is None else tuple(ids[i] for i in progress.trained),
            tokens=progress.tokens,
            seconds=progress.seconds,
            queue_seconds=self._queue_seconds,
            sigma=plan.sigma,
            predicted_gain=plan.predicted_gain,
            transfer=progress.transfer,
            from_cache=progress.from_cache,
            error=None if error is None else repr(error),
            peak_memory=self._trainer.peak_memory,
        )
