"""Gradient steps on passages, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Final, Protocol

import torch
from torch import nn

from sift_retrievers.finetune.budget import Budget
from sift_retrievers.finetune.errors import NonFiniteLossError
from sift_retrievers.finetune.examples import Example

MAX_GRADIENT_NORM: Final = 1.0
"""Gradients are clipped to this norm."""


@dataclass
class Progress:
    """What has been trained so far. Only complete steps are counted."""

    losses: list[float] = field(default_factory=list)
    """Loss before each step, in nats per token."""
    trained: list[int] = field(default_factory=list)
    """Position of the passage of each step."""
    tokens: int = 0
    seconds: float = 0.0
    stopped: str = "passages"
    """Why training ended; see `Report.stopped`."""
    step_interrupted: bool = False
    """Whether an error came while a step wrote to the weights, which are then unusable."""
    from_cache: bool = False
    """Whether the steps were made in an earlier session."""

    def restore(self, earlier: Progress) -> None:
        """Take over the steps of an earlier session."""
        self.losses, self.trained = [*earlier.losses], [*earlier.trained]
        self.tokens, self.stopped, self.from_cache = earlier.tokens, earlier.stopped, True

    @property
    def reproducible(self) -> bool:
        """Whether the same passages would give the same weights again.

        This is not so if a time limit, a cancellation, `on_step` or an error ended training.
        """
        return self.stopped in ("passages", "max_steps", "max_tokens")


class Trainable(Protocol):
    """What gradient steps change: an `AdapterSlot`, or other weights of a model."""

    model: nn.Module
    parameters: list[nn.Parameter]

    def trainable(self, *, checkpointing: bool = False) -> AbstractContextManager[None]:
        """Inside, only the parameters receive gradients, and dropout is off."""
        ...


def train(
    trainable: Trainable,
    examples: Iterable[Example],
    *,
    learning_rate: float,
    budget: Budget,
    progress: Progress,
    stop: Callable[[], bool],
    checkpointing: bool = False,
    after_step: Callable[[], bool] | None = None,
) -> None:
    """Make one AdamW step per example, in order, with a new optimizer. Updates `progress`.

    Args:
        trainable: the weights to train.
        examples: read one by one, between the steps.
        learning_rate: of AdamW.
        budget: checked before each step.
        progress: updated after each step.
        stop: asked before each step; True ends training.
        checkpointing: recompute activations for the gradient, instead of keeping them.
        after_step: called after each step, when `progress` is up to date; True ends training.

    Raises:
        NonFiniteLossError: if a loss or gradient is not finite; it is not applied to the weights.
        Exception: whatever the model or `after_step` raises.
    """
    start = perf_counter()
    optimizer = torch.optim.AdamW(trainable.parameters, lr=learning_rate, weight_decay=0.0)
    with trainable.trainable(checkpointing=checkpointing):
        for example in examples:
            progress.seconds = perf_counter() - start
            limit = budget.exceeded(len(progress.losses), progress.seconds, progress.tokens)
            if limit is not None or stop():
                progress.stopped = limit or "cancelled"
                return
            loss = trainable.model(
                input_ids=example.input_ids,
                labels=example.labels,
                use_cache=False,
            ).loss
            if not torch.isfinite(loss):
                raise NonFiniteLossError(f"the loss of passage {example.position} is {loss.item()}")
            loss.backward()
            norm = torch.nn.utils.clip_grad_norm_(trainable.parameters, MAX_GRADIENT_NORM)
            if not torch.isfinite(norm):
                raise NonFiniteLossError(
                    f"the gradient of passage {example.position} has norm {norm.item()}"
                )
            progress.step_interrupted = True
            optimizer.step()
            progress.step_interrupted = False
            optimizer.zero_grad(set_to_none=True)
            progress.losses.append(float(loss.detach()))
            progress.trained.append(example.position)
            progress.tokens += example.tokens
            progress.seconds = perf_counter() - start
            if after_step is not None and after_step():
                progress.stopped = "callback"
                return
