"""`Progress`: what a training has done so far."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Progress:
    """What has been trained so far. Only complete steps are counted."""

    losses: list[float] = field(default_factory=list)
    """Loss before each step, in nats per token."""
    trained: list[int] = field(default_factory=list)
    """Position of the passage of each step."""
    transfers: list[float] = field(default_factory=list)
    """Loss of the base model − loss before the step, in nats per token, of the passages that were
    compared; see `TransferCheck`."""
    tokens: int = 0
    seconds: float = 0.0
    stopped: str = "passages"
    """Why training ended; see `Report.stopped`."""
    timed_out: bool = False
    """Whether a limit in seconds ended it."""
    step_interrupted: bool = False
    """Whether an error came while a step wrote to the weights, which are then unusable."""
    from_cache: bool = False
    """Whether the steps were made in an earlier session."""

    def restore(self, earlier: Progress) -> None:
        """Take over the steps of an earlier session."""
        self.losses, self.trained = [*earlier.losses], [*earlier.trained]
        self.transfers, self.tokens = [*earlier.transfers], earlier.tokens
        self.stopped, self.from_cache = earlier.stopped, True

    def stop(self, reason: str) -> None:
        """Note why training ended."""
        self.stopped, self.timed_out = reason, reason == "max_seconds"

    @property
    def transfer(self) -> float | None:
        """Mean of `transfers`; None if nothing was compared."""
        return sum(self.transfers) / len(self.transfers) if self.transfers else None

    @property
    def harmful(self) -> bool:
        """Whether training was found not to pay, so that the base model is to answer."""
        return self.stopped == "min_transfer"

    @property
    def reproducible(self) -> bool:
        """Whether the same passages would give the same weights again.

        This is not so if a time limit, a cancellation, `on_step` or an error ended training.
        """
        ends = ("passages", "max_steps", "max_tokens", "min_transfer")
        return self.stopped in ends and not self.timed_out
