"""`Report`: what was trained in one session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Report:
    """What was trained in one session. The training loss does not measure the answer's quality."""

    stopped: str
    """Why training ended: "passages" (all of them were used), "max_steps", "max_seconds",
    "max_tokens", "callback" (`on_step` returned True), "alpha", "min_gain" (the predicted gain was
    too small; nothing was trained), "min_transfer" (training did not help with the next passages;
    the base model answers), "empty" (there were no passages), "cancelled" or "error"."""
    losses: tuple[float, ...] = ()
    """Loss before each step, in nats per token, in training order."""
    passage_ids: tuple[str | None, ...] = ()
    """Id of the passage of each step; empty if the caller gave no ids. Retrievers give them."""
    tokens: int = 0
    """Tokens that the loss was computed on."""
    seconds: float = 0.0
    """Seconds of training."""
    queue_seconds: float = 0.0
    """Seconds spent waiting for the model."""
    sigma: tuple[float, ...] = ()
    """σ_0 … σ_N of the selection; empty if none was given."""
    predicted_gain: float | None = None
    """½ log(σ_0² / σ_N²) in nats, for the passages that were to be used; None without a
    selection."""
    transfer: float | None = None
    """By how many nats per token training lowered the loss of passages that it had not come to yet,
    mean; see `min_transfer` of `TestTimeTuner`. None if nothing was compared."""
    from_cache: bool = False
    """Whether the adapter was trained earlier, on the same passages, and restored from the cache.
    `losses` and `tokens` are then those of the earlier training."""
    verified: Literal["quick", "full"] | None = None
    """How the base model was found to be unchanged; None until the session has ended."""
    error: str | None = None
    """The error that ended training, if there was one."""
    peak_memory: int | None = None
    """Largest number of bytes allocated on the CUDA device while training."""

    @property
    def steps(self) -> int:
        """Number of gradient steps."""
        return len(self.losses)
