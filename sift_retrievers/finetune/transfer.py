"""Forward transfer: whether training on some passages helps with the next ones.

A passage that was not trained on yet is a test of the training so far: its loss before its own step
is compared with that of the base model. Such a test is called progressive validation (Blum, Kalai
and Langford, COLT 1999), what it measures forward transfer (Lopez-Paz and Ranzato, NeurIPS 2017).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final

from sift_retrievers.finetune.examples import IGNORED, Example
from sift_retrievers.finetune.progress import Progress

CHECKED: Final = 4
"""So many passages are compared, each for one more forward pass; then training goes on or ends."""
FEWEST: Final = 2
"""Of fewer nothing is concluded."""


class TransferCheck:
    """Compares passages with the base model as training goes on, and ends training that harms."""

    def __init__(
        self,
        progress: Progress,
        min_transfer: float,
        base: Callable[[], AbstractContextManager[None]],
    ) -> None:
        """Prepare the check of one training.

        Args:
            progress: of the training; its `transfers` are written here.
            min_transfer: the smallest mean of them, in nats per token, with which training goes on.
            base: makes a block in which the model computes what it does without training.
        """
        self._progress, self._min_transfer = progress, min_transfer
        self.base = base
        self._seen: set[tuple[int, ...]] = set()

    def needs(self, example: Example) -> bool:
        """Whether the base's loss on this example is wanted. Asked once for each, in their order.

        Not of the first, to which model and base are still the same, and not of repeated ones.
        """
        passage = tuple(example.labels[example.labels != IGNORED].tolist())
        new = passage not in self._seen
        self._seen.add(passage)
        return new and len(self._seen) > 1 and len(self._progress.transfers) < CHECKED

    def record(self, base_loss: float, loss: float) -> None:
        """Note the losses of an example, before its step."""
        self._progress.transfers.append(base_loss - loss)

    @property
    def ends_training(self) -> bool:
        """Whether enough was compared, and training does not pay."""
        return len(self._progress.transfers) >= CHECKED and self._failed

    def judge(self) -> None:
        """When training has ended, by itself or by a limit: note it in `progress` if it harms."""
        if self._failed and self._progress.stopped not in ("cancelled", "callback"):
            self._progress.stopped = "min_transfer"

    @property
    def _failed(self) -> bool:
        transfer = self._progress.transfer
        if transfer is None or len(self._progress.transfers) < FEWEST:
            return False
        return not transfer >= self._min_transfer  # True for NaN
