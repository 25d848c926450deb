"""Gradient steps on passages, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from time import perf_counter
from typing import Any, Final, Protocol

import torch
from torch import nn

from sift_retrievers.finetune.budget import Budget
from sift_retrievers.finetune.errors import NonFiniteLossError
from sift_retrievers.finetune.examples import Example
from sift_retrievers.finetune.progress import Progress
from sift_retrievers.finetune.transfer import TransferCheck

MAX_GRADIENT_NORM: Final = 1.0
"""Gradients are clipped to this norm."""


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
    check: TransferCheck | None = None,
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
        check: compares passages with the base model before their steps, and may end training.

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
                progress.stop(limit or "cancelled")
                break
            base_loss = None
            if check is not None and check.needs(example):
                with check.base():
                    base_loss = float(_loss(trainable, example))
            loss = _loss(trainable, example)
            if not torch.isfinite(loss):
                raise NonFiniteLossError(f"the loss of passage {example.position} is {loss.item()}")
            if check is not None and base_loss is not None:
                check.record(base_loss, float(loss.detach()))
                if check.ends_training:
                    break
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
                progress.stop("callback")
                break
    if check is not None:
        check.judge()


def _loss(trainable: Trainable, example: Example) -> Any:
    return trainable.model(input_ids=example.input_ids, labels=example.labels, use_cache=False).loss
