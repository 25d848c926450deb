"""Gradient steps on the chosen passages, and how well a document is predicted along the way."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from peft import LoraConfig
from torch import nn

from benchmarks.metrics.bits_per_byte import bits_per_byte
from sift_retrievers.finetune.adapter_slot import AdapterSlot
from sift_retrievers.finetune.budget import Budget
from sift_retrievers.finetune.errors import NonFiniteLossError
from sift_retrievers.finetune.examples import Example, PassageReader
from sift_retrievers.finetune.progress import Progress
from sift_retrievers.finetune.steps import Trainable, train

LORA = LoraConfig(r=8, lora_alpha=16, target_modules="all-linear", fan_in_fan_out=True)
NO_LIMIT = Budget(max_steps=None)


class WholeModel:
    """All weights of a model, as something to train and to reset."""

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.parameters = list(model.parameters())
        self._before = [parameter.detach().clone() for parameter in self.parameters]

    @contextmanager
    def trainable(self, *, checkpointing: bool = False) -> Iterator[None]:
        """Inside, gradients reach all weights; no layer drops anything at random."""
        del checkpointing
        self.model.eval()
        with torch.enable_grad():
            yield

    def reset(self) -> None:
        """Put every weight back, to the bit."""
        with torch.no_grad():
            for parameter, before in zip(self.parameters, self._before, strict=True):
                parameter.copy_(before)
                parameter.grad = None


class LoraModel(AdapterSlot):
    """A LoRA adapter of rank 8 on all linear layers, switched on."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__(model, LORA, seed=0)
        self.enable()


Tunable = WholeModel | LoraModel
WAYS = {"full": WholeModel, "LoRA": LoraModel}


class Predictor:
    """A language model and what it costs it to predict texts."""

    def __init__(self, model: Any, tokenizer: Any, *, bfloat16: bool = False) -> None:
        """With `bfloat16`, products of training are computed in it; predictions never are."""
        self.model = model
        device = next(model.parameters()).device
        positions = int(model.config.n_positions)
        self.bfloat16, self.device = bfloat16, device
        self.reader = PassageReader(
            tokenizer, device, max_passage_tokens=positions, max_tokens=positions
        )

    def bits_per_byte(self, text: str) -> float:
        """Bits that the model needs for the text, all of it, per byte; inf if it diverged.

        Raises:
            ValueError: if not all tokens of the text are predicted: there are more than the model
                reads at once, or the tokenizer puts nothing before the first.
        """
        example = self.reader.example(0, text)
        tokens = len(self.reader.tokenizer(text, add_special_tokens=False)["input_ids"])
        if example.tokens != tokens:
            raise ValueError(f"{example.tokens} of {tokens} tokens of a text are predicted")
        with torch.no_grad():
            loss = self.model(
                input_ids=example.input_ids, labels=example.labels, use_cache=False
            ).loss
        nats = float(loss) * tokens
        return bits_per_byte(nats, len(text.encode())) if math.isfinite(nats) else math.inf

    def curve(
        self,
        tunable: Trainable,
        passages: Sequence[str],
        document: str,
        steps: Collection[int],
        learning_rate: float,
    ) -> dict[int, float]:
        """Bits per byte of the document after so many of the passages, one step each.

        Where training diverged they are inf. The weights are left as the last step made them.
        """
        found = dict.fromkeys(steps, math.inf)

        def predict(done: int) -> None:
            if done in found:
                found[done] = self.bits_per_byte(document)

        def watched() -> Iterator[Example]:
            for done, passage in enumerate(passages):
                with torch.autocast(self.device.type, enabled=False):
                    predict(done)
                yield self.reader.example(done, passage)

        try:
            # Without its cache: the copies in bfloat16 would be those of the first step for ever.
            with torch.autocast(
                self.device.type, torch.bfloat16, enabled=self.bfloat16, cache_enabled=False
            ):
                train(
                    tunable,
                    watched(),
                    learning_rate=learning_rate,
                    budget=NO_LIMIT,
                    progress=Progress(),
                    stop=lambda: False,
                )
        except NonFiniteLossError:
            return found  # diverged: inf from here on
        predict(len(passages))
        return found
