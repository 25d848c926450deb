"""Gradient steps on the chosen passages, and how well a document is predicted along the way."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from peft import LoraConfig
from torch import nn

from sift_retrievers.finetune.budget import Budget
from sift_retrievers.finetune.slot import AdapterSlot
from sift_retrievers.finetune.training import Example, Progress, Reading, Trainable, train
from sift_retrievers.metrics import bits_per_byte

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
        self.reading = Reading(
            tokenizer, device, max_passage_tokens=positions, max_tokens=positions
        )

    def bits_per_byte(self, text: str) -> float:
        """Bits that the model needs for the text, all of it, per byte.

        Raises:
            ValueError: if the model cannot read all of the text at once.
        """
        example = self.reading.example(0, text)
        read = int(example.input_ids.shape[1])
        needed = len(self.reading.tokenizer(text)["input_ids"])
        if read < needed:
            raise ValueError(f"a text has {needed} tokens; the model reads {read}")
        with torch.no_grad():
            loss = self.model(
                input_ids=example.input_ids, labels=example.labels, use_cache=False
            ).loss
        return bits_per_byte(float(loss) * example.tokens, len(text.encode()))

    def curve(
        self,
        tunable: Trainable,
        passages: Sequence[str],
        document: str,
        steps: Collection[int],
        learning_rate: float,
    ) -> dict[int, float]:
        """Bits per byte of the document after so many of the passages, one step each.

        The weights are left as the last step made them.
        """
        found: dict[int, float] = {}

        def measure(made: int) -> None:
            if made in steps:
                found[made] = self.bits_per_byte(document)

        def watched() -> Iterator[Example]:
            for made, passage in enumerate(passages):
                with self._exact():
                    measure(made)
                yield self.reading.example(made, passage)

        with self._fast():
            train(
                tunable,
                watched(),
                learning_rate=learning_rate,
                budget=NO_LIMIT,
                progress=Progress(),
                stop=lambda: False,
            )
        measure(len(passages))
        return found

    def _fast(self) -> AbstractContextManager[Any]:
        return torch.autocast(self.device.type, torch.bfloat16) if self.bfloat16 else nullcontext()

    def _exact(self) -> AbstractContextManager[Any]:
        return torch.autocast(self.device.type, enabled=False)
