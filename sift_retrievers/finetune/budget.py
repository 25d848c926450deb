"""`Budget`: how much one request may train."""

from __future__ import annotations

from dataclasses import dataclass

from sift_retrievers.validation import count, positive


@dataclass(frozen=True)
class Budget:
    """Limits of one request; checked between steps, so the last step may go over. None: no limit.

    Raises:
        ValueError: for a limit that is not positive.
    """

    max_steps: int | None = 50
    """Gradient steps; one a passage."""
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
        """The limit that allows no further step, or None."""
        if self.max_steps is not None and steps >= self.max_steps:
            return "max_steps"
        if self.max_seconds is not None and seconds >= self.max_seconds:
            return "max_seconds"
        if self.max_tokens is not None and tokens >= self.max_tokens:
            return "max_tokens"
        return None
