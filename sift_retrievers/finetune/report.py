"""`Report`: what one request trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Report:
    """What a session did to the adapter. A training loss says nothing of the answer's quality."""

    stopped: str
    """Why training ended: "passages" (all were used), "max_steps", "max_seconds", "max_tokens",
    "alpha", "min_gain" (not worth it: nothing was trained), "empty" (no passages), "error"."""
    losses: tuple[float, ...] = ()
    """Loss before each step, in nats a token, in the order of the passages."""
    passage_ids: tuple[str | None, ...] = ()
    """Of the passage of each step, where the caller gave ids, as the retrievers do."""
    tokens: int = 0
    """Tokens that the loss was computed on."""
    seconds: float = 0.0
    """Time of training."""
    queue_seconds: float = 0.0
    """Time spent waiting for the model."""
    sigma: tuple[float, ...] = ()
    """σ_0 … σ_N of the selection, if one was given."""
    predicted_gain: float | None = None
    """½ log(σ_0² / σ_N²) nats of the passages that were to be used, if a selection was given."""
    from_cache: bool = False
    """Whether the steps were made by an earlier request on the same passages; `losses` and `tokens`
    are those of that time."""
    verified: Literal["quick", "full"] | None = None
    """How the base was proved to be what it was before; None while the request is open."""
    error: str | None = None
    """What went wrong, where the policy was to answer all the same."""
    peak_memory: int | None = None
    """Bytes allocated at most on a CUDA device while training."""

    @property
    def steps(self) -> int:
        """Gradient steps that were made."""
        return len(self.losses)
