"""`Budget`: how much one session may train."""

from __future__ import annotations

from dataclasses import dataclass

from sift_retrievers.validation import count, positive


@dataclass(frozen=True)
class Budget:
    """Limits on the training of one session; None means no limit.

    Limits are checked between gradient steps, so the last step may exceed them.

    Raises:
        ValueError: if a limit is not positive.
    """

    max_steps: int | None = 20
    """Gradient steps; each passage takes one. More were not measured on a pretrained model; the
    paper's N is 50."""
    max_seconds: float | None = None
    """Seconds of training."""
    max_tokens: int | None = None
    """Tokens that the loss is computed on."""

    def __post_init__(self) -> None:
        if self.max_steps is not None:
            count(self.max_steps, "max_steps")
        if self.max_seconds is not None:
            positive(self.max_seconds, "max_seconds")
        if self.max_tokens is not None:
            count(self.max_tokens, "max_tokens")

    def exceeded(self, steps: int, seconds: float, tokens: int) -> str | None:
        """Return the name of a limit that forbids another step, or None."""
        if self.max_steps is not None and steps >= self.max_steps:
            return "max_steps"
        if self.max_seconds is not None and seconds >= self.max_seconds:
            return "max_seconds"
        if self.max_tokens is not None and tokens >= self.max_tokens:
            return "max_tokens"
        return None
