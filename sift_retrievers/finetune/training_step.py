"""`TrainingStep`: what `on_step` receives after each gradient step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class TrainingStep:
    """One gradient step that a session has made."""

    step: int
    """Number of this step, from 1."""
    steps: int
    """Largest number of steps that this training can have; a limit may end it earlier."""
    loss: float
    """Loss of the passage before the step, in nats per token."""
    position: int
    """Position of the passage in the session's list of passages, from 0."""
    passage_id: str | None
    """Id of the passage; None if the caller gave no ids. Retrievers give them."""
    tokens: int
    """Tokens that the loss was computed on, in all steps so far."""
    seconds: float
    """Seconds since training began."""


OnStep = Callable[[TrainingStep], bool | None]
