"""A pretrained model with an adapter to train, and what a text or an answer costs it in nats."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import torch

from benchmarks.metrics.bits_per_byte import bits_per_byte
from benchmarks.retrieval.answers import prompt_of
from sift_retrievers.finetune.adapter_slot import AdapterSlot
from sift_retrievers.finetune.budget import Budget
from sift_retrievers.finetune.errors import NonFiniteLossError
from sift_retrievers.finetune.examples import Example, PassageReader
from sift_retrievers.finetune.progress import Progress
from sift_retrievers.finetune.steps import train

LONGEST = 256
"""Tokens of a passage or a text, with the one of beginning."""
NO_LIMIT = Budget(max_steps=None)
MODULES: dict[str, str | list[str]] = {
    "all": "all-linear",
    "attention": ["q_proj", "k_proj", "v_proj", "o_proj"],
    "mlp": ["gate_proj", "up_proj", "down_proj"],
}
"""Which layers an adapter can be put on."""


@dataclass(frozen=True)
class Recipe:
    """How an adapter is trained; without arguments about as a `TestTimeTuner` does by default."""

    learning_rate: float
    rank: int = 8
    rslora: bool = False
    modules: str = "all"
    """A key of `MODULES`."""
    before: int = 0
    """So many of the passages stand before each one that is trained on, outside of the loss."""
    query: bool = False
    """Whether the query stands before each passage, outside of the loss."""
    averaged: int = 1
    """The weights after so many of the last steps are averaged."""

    @property
    def lora(self) -> Any:
        """The `peft.LoraConfig`."""
        from peft import LoraConfig

        return LoraConfig(
            r=self.rank,
            lora_alpha=2 * self.rank,
            use_rslora=self.rslora,
            target_modules=MODULES[self.modules],
            task_type="CAUSAL_LM",
        )


class TunedModel:
    """A model of a folder, with an adapter that is on and, between trainings, changes nothing."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self.model, self.tokenizer = model, tokenizer
        self.device = next(model.parameters()).device
        self.slot: AdapterSlot
        self._recipe: Recipe | None = None
        self._base_losses: dict[tuple[tuple[int, ...], int], float] = {}
        self.set_adapter(Recipe(5e-4))

    @classmethod
    def load(cls, folder: Path, device: str, dtype: str) -> TunedModel:
        """Read model and tokenizer from a folder of transformers."""
        return cls(*load(folder, device, dtype))

    def set_adapter(self, recipe: Recipe) -> None:
        """Put an adapter into the model, in place of another."""
        key = replace(recipe, learning_rate=0.0, before=0, query=False, averaged=1)
        if key == self._recipe:
            return
        if self._recipe is not None:
            self.slot.remove()
        self.slot = AdapterSlot(self.model, recipe.lora, seed=0)
        self.slot.enable()
        self._recipe = key

    @contextmanager
    def scaled(self, strength: float) -> Iterator[None]:
        """Inside, the output of the adapter is multiplied."""
        from peft.helpers import rescale_adapter_scale

        with nullcontext() if strength == 1 else rescale_adapter_scale(self.model, strength):
            yield

    def base_losses(
        self, passages: Sequence[str], recipe: Recipe, query: str = ""
    ) -> tuple[float, ...]:
        """Nats per token of passages as they are trained on; only between trainings."""
        known = self._base_losses
        found = []
        for position in range(len(passages)):
            example = self._example(position, passages, recipe, query)
            key = (tuple(example.input_ids[0].tolist()), example.tokens)
            if key not in known:
                known[key] = self._loss(example)
            found.append(known[key])
        return tuple(found)

    @torch.no_grad()
    def _loss(self, example: Example) -> float:
        ids, labels = example.input_ids, example.labels
        return float(self.model(input_ids=ids, labels=labels, use_cache=False).loss)

    def text_bits(self, text: str, context: Sequence[str] = ()) -> float:
        """Bits per byte of a text after passages and empty lines; the loss is on the text alone."""
        ids = self._ids(text)
        nats = self._nats(self._ids("".join(f"{one}\n\n" for one in context)), ids)
        return bits_per_byte(nats, len(text.encode())) if math.isfinite(nats) else math.inf

    def answer_nats(
        self, question: str, answers: Sequence[str], context: Sequence[str] = ()
    ) -> float:
        """−log p of the likeliest of the answers, after a question and passages before it."""
        asked = self._ids(prompt_of(question, context))
        return min(self._nats(asked, self._ids(f" {answer.strip()}")) for answer in answers)

    def train(
        self,
        passages: Sequence[str],
        recipe: Recipe,
        watch: Callable[[int], None],
        query: str = "",
    ) -> tuple[float, ...]:
        """Train one step a passage, as a session does; the adapter is reset afterwards.

        Args:
            passages: in the order of the steps.
            recipe: how to train.
            watch: called with the number of steps made: before the first, and after each. Weights
                are averaged before the last call alone.
            query: what a recipe with `query` puts before each passage.

        Returns:
            Nats per token of each passage before its step.

        Raises:
            NonFiniteLossError: if training diverged.
        """
        progress = Progress()
        self.set_adapter(recipe)
        last: list[tuple[torch.Tensor, ...]] = []

        def examples() -> Iterator[Example]:
            for done in range(len(passages)):
                watch(done)
                if recipe.averaged > 1 and done > len(passages) - recipe.averaged:
                    last.append(self.slot.weights())
                yield self._example(done, passages, recipe, query)

        try:
            train(
                self.slot,
                examples(),
                learning_rate=recipe.learning_rate,
                budget=NO_LIMIT,
                progress=progress,
                stop=lambda: False,
            )
            if last:
                every = zip(*last, self.slot.weights(), strict=True)
                self.slot.load([torch.stack(some).mean(dim=0) for some in every])
            watch(len(passages))
        finally:
            self.slot.reset()
        return tuple(progress.losses)

    def _example(
        self, position: int, passages: Sequence[str], recipe: Recipe, query: str
    ) -> Example:
        """A passage, after those before it in the list; for the first ones after the last ones."""
        before = [passages[position - back] for back in range(recipe.before, 0, -1)]
        if recipe.query and query:
            before.append(query)
        context = "".join(f"{one}\n\n" for one in before) or None
        reader = PassageReader(self.tokenizer, self.device, LONGEST, None, context)
        return reader.example(position, passages[position])

    def _ids(self, text: str) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"]) if text else []

    @torch.no_grad()
    def _nats(self, before: list[int], wanted: list[int]) -> float:
        """−log p of tokens after others, with the token of beginning before all of them."""
        tokens = [self.tokenizer.bos_token_id, *before, *wanted]
        logits = self.model(
            input_ids=torch.tensor([tokens[:-1]], device=self.device),
            use_cache=False,
            logits_to_keep=len(wanted),  # the last layer has 262,144 words with Gemma
        ).logits[0]
        targets = torch.tensor(wanted, device=self.device)
        return float(torch.nn.functional.cross_entropy(logits.float(), targets, reduction="sum"))


def load(folder: Path, device: str, dtype: str) -> tuple[Any, Any]:
    """Model and tokenizer of a folder of transformers."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # everything is in the folder
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, dtype))
    return model.to(device).eval(), AutoTokenizer.from_pretrained(folder)


@cache
def files_of(folder: Path) -> dict[str, str]:
    """Name → SHA-256 of all files of a model's folder."""
    found = {}
    for file in sorted(path for path in folder.iterdir() if path.is_file()):
        with file.open("rb") as content:
            found[file.name] = hashlib.file_digest(content, "sha256").hexdigest()
    return found


__all__ = ["LONGEST", "NonFiniteLossError", "Recipe", "TunedModel", "files_of", "load"]
