"""`Request`: one request that has the model to itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from dataclasses import replace
from itertools import islice
from pathlib import Path
from threading import Event, Lock
from typing import TYPE_CHECKING, Any

import torch

from sift_retrievers.finetune.adapter_cache import TrainedAdapter, key_of
from sift_retrievers.finetune.errors import TuningError
from sift_retrievers.finetune.export import export_adapter
from sift_retrievers.finetune.generation import Generations
from sift_retrievers.finetune.plan import Plan, plan_of
from sift_retrievers.finetune.proof import Fingerprint
from sift_retrievers.finetune.report import Report
from sift_retrievers.finetune.threads import finished, in_thread
from sift_retrievers.finetune.training import Example, Progress, Reading, train
from sift_retrievers.selection import Selection

if TYPE_CHECKING:
    from sift_retrievers.finetune.tuner import TestTimeTuner


class Request:
    """One request that has the model to itself; what `session` and `request` of a tuner yield."""

    def __init__(
        self,
        tuner: TestTimeTuner,
        queue_seconds: float,
        before: Fingerprint | None,
        *,
        tuned: bool = True,
    ) -> None:
        self.report: Report | None = None
        """What was trained; None before `tune`. Whether the base was proved to be unchanged stands
        in it once the request is over."""
        self.before = before
        """The base's fingerprint, before anything was done."""
        self.closed = False
        self.tuned = tuned
        """Whether the hooks of retrievers train in this request, or leave the model as it is."""
        self.generations = Generations(tuner.model)
        self._tuner = tuner
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
        """Train the adapter and switch it on until the request ends.

        Args:
            query: what is asked.
            passages: texts in selection order; one step each, repeated ones again.
            selection: what `select` returned for them, for `alpha`, `min_gain` and the report.
            ids: of the passages, for the report.

        Raises:
            TuningError: if training failed and the policy is "raise".
            RuntimeError: if the request is over, or was tuned on something else already.
            TypeError: for passages that are no texts.
            ValueError: for as many ids or picks as there are no passages, or rules without a
                selection.
        """
        if isinstance(passages, str) or not all(isinstance(text, str) for text in passages):
            raise TypeError("passages must be a sequence of texts, in selection order")
        if ids is not None and len(ids) != len(passages):
            raise ValueError(f"ids must be {len(passages)}, one a passage; got {len(ids)}")
        with self._training:
            again = self._trained_on == (query, *passages)
            if again and self.report is not None and not self.closed:
                return self.report  # a chain that is tried again inside its request
            if self.closed or self.report is not None:
                raise RuntimeError(
                    "a request is tuned once, before it ends: give the tuner to one retriever of "
                    "the chain, and call that one once"
                )
            tuner = self._tuner
            plan = plan_of(len(passages), selection, tuner.alpha, tuner.min_gain)
            progress, error = Progress(), None
            if plan.passages:
                error = self._train(query, passages[: plan.passages], progress)
            self.report = self._reported(plan, progress, error, ids)
            self._trained_on = (query, *passages)
            if error is not None and tuner.on_error == "raise":
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
        """The same in a thread. A cancellation is heard between steps, and waited for."""
        work = in_thread(self.tune, query, passages, selection=selection, ids=ids)
        return await finished(work, cancel=self._stop.set)

    def export(self, folder: str | Path) -> Path:
        """Write the adapter in PEFT's format into a new folder inside `folder`, and say where.

        `PeftModel.from_pretrained(base, path)` and serving engines load it. The name of the new
        folder is never used twice.

        Raises:
            RuntimeError: outside of the request, or before `tune`.
            OSError: if it cannot be written.
        """
        if self.closed or self.report is None:
            raise RuntimeError("an adapter is exported inside its request, after it was tuned")
        return export_adapter(self._tuner._slot, folder)

    def close(self) -> None:
        """Nothing is trained from now on; a step that another thread is at comes to its end."""
        self._stop.set()
        with self._training:
            self.closed = True

    def proved(self) -> None:
        """Note in the report that the base was compared with what it was before."""
        if self.report is not None:
            self.report = replace(self.report, verified=self._tuner.verify)

    def _train(self, query: str, passages: Sequence[str], progress: Progress) -> Exception | None:
        """Make the steps, or take what they once gave; what remains of an error, by the policy."""
        tuner, slot = self._tuner, self._tuner._slot
        slot.enable()
        try:
            examples: Iterable[Example] = self._examples(query, passages)
            key = None
            if tuner.cache.max_bytes:
                examples = [*islice(examples, tuner.budget.max_steps)]
                key = self._key(examples)
            known = None if key is None else tuner.cache.get(key)
            if known is not None:
                slot.load(known.weights)
                progress.restore(known.progress)
                return None
            device = next(tuner.model.parameters()).device
            if device.type == "cuda":
                torch.cuda.reset_peak_memory_stats(device)
            train(
                slot,
                examples,
                learning_rate=tuner.learning_rate,
                budget=tuner.budget,
                progress=progress,
                stop=self._stop.is_set,
                checkpointing=tuner.gradient_checkpointing,
            )
            if key is not None and progress.reproducible:
                tuner.cache.put(key, TrainedAdapter(slot.weights(), deepcopy(progress)))
        except Exception as error:
            if tuner.on_error != "partial" or progress.torn:
                slot.disable()
            return error
        return None

    def _examples(self, query: str, passages: Sequence[str]) -> Iterator[Example]:
        """What the model reads, one by one; passages without a token to predict are left out."""
        tuner = self._tuner
        reading = Reading(
            tokenizer=tuner.tokenizer,
            device=next(tuner.model.parameters()).device,
            max_passage_tokens=tuner.max_passage_tokens,
            max_tokens=getattr(
                getattr(tuner.model, "config", None), "max_position_embeddings", None
            ),
            context=query if tuner.query_as_context else None,
        )
        for position, text in enumerate(passages):
            example = reading.example(position, text)
            if example.tokens:
                yield example

    def _key(self, examples: Sequence[Example]) -> str:
        """What names these steps in the cache."""
        assert self.before is not None  # taken wherever there is a cache
        return key_of(self.before, self._tuner.trained_by(), examples)

    def _reported(
        self,
        plan: Plan,
        progress: Progress,
        error: Exception | None,
        ids: Sequence[str | None] | None,
    ) -> Report:
        device = next(self._tuner.model.parameters()).device
        used = len(progress.losses)
        stopped = plan.stopped
        if error is not None:
            stopped = "error"
        elif progress.stopped != "passages":
            stopped = progress.stopped
        elif used == self._tuner.budget.max_steps and used < plan.passages:
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
            from_cache=progress.from_cache,
            error=None if error is None else repr(error),
            peak_memory=torch.cuda.max_memory_allocated(device) if device.type == "cuda" else None,
        )
