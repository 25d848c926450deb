"""`Trainer`: trains the adapter of a model, or restores it from the cache."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch
from torch import nn

from sift_retrievers.finetune.adapter_cache import AdapterCache, TrainedAdapter, cache_key
from sift_retrievers.finetune.adapter_slot import AdapterSlot
from sift_retrievers.finetune.examples import Example, PassageReader
from sift_retrievers.finetune.fingerprint import Fingerprint, fingerprint
from sift_retrievers.finetune.progress import Progress
from sift_retrievers.finetune.settings import TunerSettings
from sift_retrievers.finetune.steps import train
from sift_retrievers.finetune.training_step import TrainingStep
from sift_retrievers.finetune.transfer import TransferCheck


@dataclass(frozen=True)
class Trainer:
    """A model, its adapter, and the settings to train it with. All sessions of a tuner share it."""

    model: nn.Module
    tokenizer: Any
    slot: AdapterSlot
    cache: AdapterCache
    settings: TunerSettings

    @property
    def device(self) -> torch.device:
        """The device of the model."""
        return next(self.model.parameters()).device

    @property
    def peak_memory(self) -> int | None:
        """Largest number of bytes allocated on the device in the last training; None on a CPU."""
        on_cuda = self.device.type == "cuda"
        return torch.cuda.max_memory_allocated(self.device) if on_cuda else None

    def fingerprint(self) -> Fingerprint | None:
        """Take the fingerprint of the base; None if neither `verify` nor the cache needs it."""
        if self.settings.verify is None and self.cache.max_bytes == 0:
            return None
        return fingerprint(self.model, self.slot.ids, full=self.settings.verify == "full")

    def train(
        self,
        query: str,
        passages: Sequence[str],
        progress: Progress,
        *,
        base: Fingerprint | None,
        stop: Callable[[], bool],
        ids: Sequence[str | None] | None = None,
    ) -> Exception | None:
        """Switch the adapter on and train it, or restore a cached one. Updates `progress`.

        Args:
            query: what is asked.
            passages: texts in training order.
            progress: records the steps.
            base: fingerprint of the base model before the session.
            stop: asked before each step; True ends training.
            ids: of the passages, for `on_step`.

        If training was found not to pay (`min_transfer`), the adapter is off and reset.

        Returns:
            The error that ended training, for `on_error` to handle. The adapter is then off, except
            with "partial" if its weights are usable.
        """
        self.slot.enable()
        try:
            self._train_or_restore(query, passages, progress, base, stop, ids)
        except Exception as error:
            if self.settings.on_error != "partial" or progress.step_interrupted:
                self.slot.disable()
            return error
        if progress.harmful:
            self.slot.disable()
            self.slot.reset()
        return None

    def _train_or_restore(
        self,
        query: str,
        passages: Sequence[str],
        progress: Progress,
        base: Fingerprint | None,
        stop: Callable[[], bool],
        ids: Sequence[str | None] | None,
    ) -> None:
        settings = self.settings
        examples: Iterable[Example] = self.examples(query, passages)
        key = None
        if self.cache.max_bytes and base is not None:
            examples = [*islice(examples, settings.budget.max_steps)]
            key = cache_key(base, self.cache_settings(), examples)
            cached = self.cache.get(key)
            if cached is not None:
                self.slot.load(cached.weights)
                progress.restore(cached.progress)
                return
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)
        train(
            self.slot,
            examples,
            learning_rate=settings.learning_rate,
            budget=settings.budget,
            progress=progress,
            stop=stop,
            checkpointing=settings.gradient_checkpointing,
            after_step=self.step_callback(progress, len(passages), ids),
            check=self.transfer_check(progress),
        )
        if key is not None and progress.reproducible:
            self.cache.put(key, TrainedAdapter(self.slot.weights(), deepcopy(progress)))

    def transfer_check(self, progress: Progress) -> TransferCheck | None:
        """Make the check of one training; None if the tuner's `min_transfer` is None."""
        least = self.settings.min_transfer
        return None if least is None else TransferCheck(progress, least, self.slot.base)

    def step_callback(
        self, progress: Progress, passages: int, ids: Sequence[str | None] | None
    ) -> Callable[[], bool] | None:
        """Make the function that calls `on_step` and returns whether training is to end."""
        on_step = self.settings.on_step
        if on_step is None:
            return None
        steps = min(passages, self.settings.budget.max_steps or passages)

        def after_step() -> bool:
            position = progress.trained[-1]
            step = TrainingStep(
                step=len(progress.losses),
                steps=steps,
                loss=progress.losses[-1],
                position=position,
                passage_id=None if ids is None else ids[position],
                tokens=progress.tokens,
                seconds=progress.seconds,
            )
            return bool(on_step(step))

        return after_step

    def examples(self, query: str, passages: Sequence[str]) -> Iterator[Example]:
        """Tokenise passages one by one, in training order; skip those without a token to predict.

        Training order is that of `passages`, or with `first_last` the reverse of as many as there
        are steps. A limit in seconds or tokens might end training before the first passage, so with
        one of these the order is kept.
        """
        budget, before = self.settings.budget, self.settings.passages_before
        order = range(len(passages))
        if self.settings.first_last and budget.max_seconds is None and budget.max_tokens is None:
            order = range(min(len(passages), budget.max_steps or len(passages)))[::-1]
        config = getattr(self.model, "config", None)
        reader = PassageReader(
            tokenizer=self.tokenizer,
            device=self.device,
            max_passage_tokens=self.settings.max_passage_tokens,
            max_tokens=getattr(config, "max_position_embeddings", None),
            context=query if self.settings.query_as_context else None,
        )
        for step, position in enumerate(order):
            others = [passages[order[step - back]] for back in range(min(before, step), 0, -1)]
            text = passages[position]
            example = reader.example(position, text, [one for one in others if one != text])
            if example.tokens:
                yield example

    def cache_settings(self) -> dict[str, Any]:
        """The settings that the weights of a trained adapter depend on."""
        return {
            "lora": self.slot.config.to_dict(),
            "learning_rate": self.settings.learning_rate,
            "seed": self.slot.seed,
            "max_steps": self.settings.budget.max_steps,
            "max_tokens": self.settings.budget.max_tokens,
            "min_transfer": self.settings.min_transfer,
        }
