"""Gradient steps on passages, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import torch
from torch import Tensor

from sift_retrievers.finetune.budget import Budget
from sift_retrievers.finetune.slot import AdapterSlot

LARGEST_GRADIENT = 1.0  # norm to which gradients are clipped
IGNORED = -100  # label of tokens that the loss leaves out


class NonFiniteLossError(ArithmeticError):
    """The loss or its gradient is NaN or infinite."""


@dataclass
class Progress:
    """What was trained so far; complete steps only."""

    losses: list[float] = field(default_factory=list)
    tokens: int = 0
    seconds: float = 0.0
    stopped: str = "passages"
    torn: bool = False
    """Whether a step was broken off while it wrote to the adapter."""


@dataclass(frozen=True)
class Example:
    """One passage as the model reads it."""

    input_ids: Tensor
    """`[1, n]`."""
    labels: Tensor
    """`[1, n]`, `IGNORED` for the context."""

    @property
    def tokens(self) -> int:
        """Tokens that the loss is computed on; the first has nothing before it."""
        return int((self.labels[:, 1:] != IGNORED).sum())


def example_of(
    tokenizer: Any, passage: str, context: str | None, max_passage_tokens: int, device: Any
) -> Example:
    """Tokens of a passage, cut to a length, after those of a context that the loss leaves out."""
    passage_ids = list(tokenizer(passage)["input_ids"])[:max_passage_tokens]
    context_ids = list(tokenizer(context)["input_ids"]) if context else []
    ids = torch.tensor([context_ids + passage_ids], dtype=torch.long, device=device)
    labels = ids.clone()
    labels[:, : len(context_ids)] = IGNORED
    return Example(ids, labels)


def train(
    slot: AdapterSlot,
    examples: Sequence[Callable[[], Example]],
    *,
    learning_rate: float,
    budget: Budget,
    progress: Progress,
    stop: Callable[[], bool],
) -> None:
    """One step an example, in order, with an optimizer of its own; fills `progress`.

    Raises:
        NonFiniteLossError: for a loss or gradient that is not finite; no step is made with it.
        Exception: whatever the model raises.
    """
    start = perf_counter()
    optimizer = torch.optim.AdamW(slot.parameters, lr=learning_rate, weight_decay=0.0)
    with slot.trainable():
        for make in examples:
            progress.seconds = perf_counter() - start
            limit = budget.exceeded(len(progress.losses), progress.seconds, progress.tokens)
            if limit is not None or stop():
                progress.stopped = limit or "cancelled"
                return
            example = make()
            if example.tokens == 0:
                continue
            loss = slot.model(
                input_ids=example.input_ids, labels=example.labels, use_cache=False
            ).loss
            if not torch.isfinite(loss):
                raise NonFiniteLossError(
                    f"the loss of passage {len(progress.losses)} is {loss.item()}"
                )
            loss.backward()
            norm = torch.nn.utils.clip_grad_norm_(slot.parameters, LARGEST_GRADIENT)
            if not torch.isfinite(norm):
                raise NonFiniteLossError(
                    f"the gradient of passage {len(progress.losses)} has norm {norm.item()}"
                )
            progress.torn = True
            optimizer.step()
            progress.torn = False
            optimizer.zero_grad(set_to_none=True)
            progress.losses.append(float(loss.detach()))
            progress.tokens += example.tokens
            progress.seconds = perf_counter() - start
