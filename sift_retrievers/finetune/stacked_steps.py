"""Gradient steps of several requests at once: one batch holds a passage of each."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, pad
from torch.nn.utils.rnn import pad_sequence

from sift_retrievers.finetune.adapter_slot import AdapterSlot
from sift_retrievers.finetune.budget import Budget
from sift_retrievers.finetune.errors import NonFiniteLossError
from sift_retrievers.finetune.examples import IGNORED, Example
from sift_retrievers.finetune.progress import Progress
from sift_retrievers.finetune.stacked_adapters import StackedAdapters
from sift_retrievers.finetune.steps import MAX_GRADIENT_NORM
from sift_retrievers.finetune.transfer import TransferCheck


@dataclass(eq=False)
class StackedTraining:
    """The training of one request beside others: what goes in, and what comes out."""

    examples: Sequence[Example]
    """In training order."""
    after_step: Callable[[], bool] | None = None
    """Called after each step, when `progress` is up to date; True ends this training."""
    progress: Progress = field(default_factory=Progress)
    check: TransferCheck | None = None
    """Compares passages with the base model, and may end this training."""
    error: Exception | None = None
    """The error that ended this training; `weights` is then None."""
    weights: tuple[Tensor, ...] | None = None
    """The trained weights on the CPU, as `AdapterSlot.weights` returns them."""
    ended: bool = False

    def check_limits(self, budget: Budget, seconds: float, stop: bool) -> None:
        """End the training if no example is left or a limit forbids another step."""
        self.progress.seconds = seconds
        steps = len(self.progress.losses)
        if steps == len(self.examples):
            self.end()
            return
        limit = budget.exceeded(steps, seconds, self.progress.tokens)
        if limit is not None or stop:
            self.progress.stop(limit or "cancelled")
            self.end()

    def end(self) -> None:
        """End the training, as `steps.train` does after its last step."""
        self.ended = True
        if self.check is not None:
            self.check.judge()

    def needs_base_loss(self) -> bool:
        """Whether the loss of the base model on the next example is wanted."""
        return self.check is not None and self.check.needs(self.next_example)

    def record_transfer(self, base_loss: float, loss: float) -> None:
        """Compare the losses of the next example; end the training if it does not pay."""
        if self.check is None or self.ended:
            return
        self.check.record(base_loss, loss)
        if self.check.ends_training:
            self.end()

    @property
    def next_example(self) -> Example:
        """What the next step is made on."""
        return self.examples[len(self.progress.losses)]

    def check_finite(self, loss: float, norm: float) -> None:
        """End the training with an error if the loss, or the norm of its gradient, is not finite.

        The errors are those of `steps.train`.
        """
        position = self.next_example.position
        if not math.isfinite(loss):
            self.fail(NonFiniteLossError(f"the loss of passage {position} is {loss}"))
        elif not math.isfinite(norm):
            self.fail(NonFiniteLossError(f"the gradient of passage {position} has norm {norm}"))

    def record_step(self, loss: float, seconds: float) -> None:
        """Note a step in `progress`, and call `after_step`."""
        progress = self.progress
        example = self.next_example
        progress.losses.append(loss)
        progress.trained.append(example.position)
        progress.tokens += example.tokens
        progress.seconds = seconds
        try:
            if self.after_step is not None and self.after_step():
                progress.stop("callback")
                self.end()
        except Exception as error:
            self.fail(error)

    def fail(self, error: Exception) -> None:
        """End the training with an error."""
        self.error, self.ended = error, True


def train_stacked(
    slot: AdapterSlot,
    trainings: Sequence[StackedTraining],
    *,
    learning_rate: float,
    budget: Budget,
    stop: Callable[[], bool],
    checkpointing: bool = False,
) -> None:
    """Train one adapter for each of several requests, as `steps.train` would one by one.

    Step i takes the i-th example of every request. A request that has no more examples, or meets a
    limit or an error of its own, leaves the batch; its weights do not change any more.

    Args:
        slot: its adapter is off and has its first weights; it is not written to.
        trainings: each receives its progress, and its weights or its error.
        learning_rate: of AdamW.
        budget: of each request; checked before each step. Its seconds count from this call on.
        stop: asked before each step; True ends all trainings.
        checkpointing: recompute activations for the gradient, instead of keeping them.

    Raises:
        Exception: what the model raises. Trainings that had not ended have no weights then.
    """
    start = perf_counter()
    active = [*trainings]
    with slot.trainable(checkpointing=checkpointing):
        adapters = StackedAdapters(slot, len(active), learning_rate)
        with adapters.applied():
            while active:
                stopped, seconds = stop(), perf_counter() - start
                for training in active:
                    training.check_limits(budget, seconds, stopped)
                active = _without_ended(active, adapters)
                if not active:
                    return
                base_losses = _base_losses(adapters, active)
                step = [training.next_example for training in active]
                losses, norms = _compute_gradients(adapters, step)
                of = dict(zip(active, losses, strict=True))
                for training, norm in zip(active, norms, strict=True):
                    training.check_finite(of[training], norm)
                for training, base_loss in base_losses.items():
                    training.record_transfer(base_loss, of[training])
                active = _without_ended(active, adapters)
                adapters.step()
                seconds = perf_counter() - start
                for training in active:
                    training.record_step(of[training], seconds)
                active = _without_ended(active, adapters)


def _without_ended(
    active: list[StackedTraining], adapters: StackedAdapters
) -> list[StackedTraining]:
    """Take the trainings that have ended out of the batch; store their weights."""
    stay = [row for row, training in enumerate(active) if not training.ended]
    for row, training in enumerate(active):
        if training.ended and training.error is None:
            training.weights = adapters.weights(row)
    if 0 < len(stay) < len(active):
        adapters.keep(stay)
    return [active[row] for row in stay]


def _base_losses(
    adapters: StackedAdapters, active: Sequence[StackedTraining]
) -> dict[StackedTraining, float]:
    """Return the loss of the base model on the next example of those that compare it."""
    comparing = [training for training in active if training.needs_base_loss()]
    if not comparing:
        return {}
    input_ids, mask, labels = _padded([training.next_example for training in comparing])
    logits = adapters.base_logits(input_ids, mask)
    return dict(zip(comparing, _mean_losses(logits, labels).tolist(), strict=True))


def _compute_gradients(
    adapters: StackedAdapters, step: Sequence[Example]
) -> tuple[list[float], list[float]]:
    """Run the model forwards and backwards on one example of each request.

    Returns:
        The losses, and the norms of their gradients before clipping.
    """
    input_ids, mask, labels = _padded(step)
    losses = _mean_losses(adapters.logits(input_ids, mask), labels)
    norms = adapters.compute_gradients(losses, MAX_GRADIENT_NORM)
    both = torch.stack([losses.detach(), norms]).tolist()  # one wait for the device
    return both[0], both[1]


def _padded(step: Sequence[Example]) -> tuple[Tensor, Tensor, Tensor]:
    """Return input ids, attention mask and labels of several examples, `[S, n]` each."""
    # Tokens cannot see what comes after them, so padding on the right changes nothing for them.
    input_ids = pad_sequence([example.input_ids[0] for example in step], batch_first=True)
    ones = [torch.ones_like(example.input_ids[0]) for example in step]
    labels = pad_sequence(
        [example.labels[0] for example in step], batch_first=True, padding_value=IGNORED
    )
    return input_ids, pad_sequence(ones, batch_first=True), labels


def _mean_losses(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the mean loss of each sequence over its tokens, `[S]`, as transformers computes it."""
    targets = pad(labels[:, 1:], (0, 1), value=IGNORED)
    losses = cross_entropy(
        logits.float().flatten(0, 1), targets.flatten(), ignore_index=IGNORED, reduction="none"
    )
    return losses.view(targets.shape).sum(dim=1) / (targets != IGNORED).sum(dim=1)
