"""Gradient steps on passages, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from sift_retrievers.finetune.budget import Budget

LARGEST_GRADIENT = 1.0  # norm to which gradients are clipped
IGNORED = -100  # label of tokens that the loss leaves out


class NonFiniteLossError(ArithmeticError):
    """The loss or its gradient is NaN or infinite."""


@dataclass
class Progress:
    """What was trained so far; complete steps only."""

    losses: list[float] = field(default_factory=list)
    trained: list[int] = field(default_factory=list)
    """Of every step, the position of its passage."""
    tokens: int = 0
    seconds: float = 0.0
    stopped: str = "passages"
    torn: bool = False
    """Whether a step was broken off while it wrote to the adapter."""

    from_cache: bool = False
    """Whether the steps are those of an earlier request."""

    def restore(self, earlier: Progress) -> None:
        """Take over what an earlier request trained, in no time."""
        self.losses, self.trained = [*earlier.losses], [*earlier.trained]
        self.tokens, self.stopped, self.from_cache = earlier.tokens, earlier.stopped, True

    @property
    def reproducible(self) -> bool:
        """Whether the same passages give the same weights again, whatever the clock says."""
        return self.stopped in ("passages", "max_steps", "max_tokens")


@dataclass(frozen=True)
class Example:
    """One passage as the model reads it."""

    position: int
    """Among the passages of the request."""
    input_ids: Tensor
    """`[1, n]`."""
    labels: Tensor
    """`[1, n]`, `IGNORED` for the context."""

    @property
    def tokens(self) -> int:
        """Tokens that the loss is computed on; the first has nothing before it."""
        return int((self.labels[:, 1:] != IGNORED).sum())


@dataclass(frozen=True)
class Reading:
    """How a model reads a passage."""

    tokenizer: Any
    device: torch.device
    max_passage_tokens: int
    """Longer passages are cut."""
    max_tokens: int | None
    """Positions that the model has, for context and passage together."""
    context: str | None = None
    """Stands before each passage and is left out of the loss."""

    def example(self, position: int, passage: str) -> Example:
        """Tokens of a passage after those of the context, both cut to what the model can read."""
        context_ids: list[int] = []
        if self.context:
            context_ids = list(self.tokenizer(self.context)["input_ids"])
            if self.max_tokens is not None:
                context_ids = context_ids[: self.max_tokens // 2]
        # A second token of beginning, in the middle, is nothing that a model knows.
        ids = list(self.tokenizer(passage, add_special_tokens=not context_ids)["input_ids"])
        room = self.max_passage_tokens
        if self.max_tokens is not None:
            room = min(room, self.max_tokens - len(context_ids))
        input_ids = torch.tensor([context_ids + ids[:room]], dtype=torch.long, device=self.device)
        labels = input_ids.clone()
        labels[:, : len(context_ids)] = IGNORED
        return Example(position, input_ids, labels)


class Trainable(Protocol):
    """What gradient steps write to: an `AdapterSlot`, or anything else with weights of a model."""

    model: nn.Module
    parameters: list[nn.Parameter]

    def trainable(self, *, checkpointing: bool = False) -> AbstractContextManager[None]:
        """Inside, gradients reach the parameters alone and no layer drops anything at random."""
        ...


def train(
    slot: Trainable,
    examples: Iterable[Example],
    *,
    learning_rate: float,
    budget: Budget,
    progress: Progress,
    stop: Callable[[], bool],
    checkpointing: bool = False,
) -> None:
    """One step an example, in order, with an optimizer of its own; fills `progress`.

    Raises:
        NonFiniteLossError: for a loss or gradient that is not finite; no step is made with it.
        Exception: whatever the model raises.
    """
    start = perf_counter()
    optimizer = torch.optim.AdamW(slot.parameters, lr=learning_rate, weight_decay=0.0)
    with slot.trainable(checkpointing=checkpointing):
        for example in examples:  # tokenised as they come
            progress.seconds = perf_counter() - start
            limit = budget.exceeded(len(progress.losses), progress.seconds, progress.tokens)
            if limit is not None or stop():
                progress.stopped = limit or "cancelled"
                return
            loss = slot.model(
                input_ids=example.input_ids,
                labels=example.labels,
                use_cache=False,
            ).loss
            if not torch.isfinite(loss):
                raise NonFiniteLossError(f"the loss of passage {example.position} is {loss.item()}")
            loss.backward()
            norm = torch.nn.utils.clip_grad_norm_(slot.parameters, LARGEST_GRADIENT)
            if not torch.isfinite(norm):
                raise NonFiniteLossError(
                    f"the gradient of passage {example.position} has norm {norm.item()}"
                )
            progress.torn = True
            optimizer.step()
            progress.torn = False
            optimizer.zero_grad(set_to_none=True)
            progress.losses.append(float(loss.detach()))
            progress.trained.append(example.position)
            progress.tokens += example.tokens
            progress.seconds = perf_counter() - start
