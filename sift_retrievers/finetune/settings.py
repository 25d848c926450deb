"""`TunerSettings`: the settings of a tuner, checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sift_retrievers.finetune.budget import Budget
from sift_retrievers.finetune.training_step import OnStep
from sift_retrievers.validation import count, finite, flag, positive

OnError = Literal["base", "partial", "raise"]
Verify = Literal["quick", "full"] | None


@dataclass(frozen=True)
class TunerSettings:
    """The settings of a `TestTimeTuner`, which explains each of them.

    Raises:
        TypeError: if `on_step` cannot be called.
        ValueError: if a value is not allowed.
    """

    learning_rate: float
    budget: Budget
    alpha: float | None
    min_gain: float | None
    min_transfer: float | None
    on_error: OnError
    verify: Verify
    cache_bytes: int
    lambda_: float | None
    max_passage_tokens: int
    query_as_context: bool
    passages_before: int
    first_last: bool
    gradient_checkpointing: bool
    queue_timeout: float | None
    on_step: OnStep | None

    def __post_init__(self) -> None:
        for name in ("learning_rate", "alpha", "min_gain", "lambda_", "queue_timeout"):
            value = getattr(self, name)
            if value is not None or name == "learning_rate":
                object.__setattr__(self, name, positive(value, name))
        if self.min_transfer is not None:
            object.__setattr__(self, "min_transfer", finite(self.min_transfer, "min_transfer"))
        count(self.max_passage_tokens, "max_passage_tokens")
        count(self.passages_before, "passages_before", smallest=0)
        count(self.cache_bytes, "cache_bytes", smallest=0)
        flag(self.first_last, "first_last")
        if self.on_step is not None and not callable(self.on_step):
            raise TypeError(
                f"on_step must be a function of a TrainingStep; got {type(self.on_step).__name__}"
            )
        if self.on_error not in ("base", "partial", "raise"):
            raise ValueError(
                f'on_error must be "base", "partial" or "raise"; got {self.on_error!r}'
            )
        if self.verify not in ("quick", "full", None):
            raise ValueError(f'verify must be "quick", "full" or None; got {self.verify!r}')
