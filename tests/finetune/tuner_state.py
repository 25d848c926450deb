"""The state that a request must not change, and other helpers of the tests of the tuner."""

from __future__ import annotations

from typing import Any

import numpy as np
from tiny_models import sha256

import torch  # isort: skip

from sift_retrievers import select
from sift_retrievers.finetune import (
    TestTimeTuner,
)

EAGER: dict[str, Any] = {"learning_rate": 1e-2, "first_last": False}


class State:
    """Everything that a request must not change.

    `random=False` if the chain itself uses the global random state, as generation does.
    """

    def __init__(self, tuner: TestTimeTuner, *, random: bool = True) -> None:
        self.tuner, self.model, self.random = tuner, tuner.model, random
        self.before = self.now()

    def now(self) -> Any:
        slot = self.tuner._trainer.slot
        return (
            sha256(self.model, slot.ids),
            [(n, p.requires_grad) for n, p in self.model.named_parameters()],
            [(n, m.training) for n, m in self.model.named_modules()],
            torch.get_rng_state().tolist() if self.random else None,
            [*self.model.__dict__],
            [p.grad is None for p in self.model.parameters()],
            [weight.tolist() for weight in slot.weights()],
            self.tuner._lock.held,
        )

    def check(self) -> None:
        assert self.now() == self.before


def selection(count: int = 5) -> Any:
    random = np.random.default_rng(0)
    pool = random.normal(size=(count, 8)).astype(np.float32)
    return select(pool.mean(axis=0), pool, count, lambda_=0.01)
