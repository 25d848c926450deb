"""Test-time fine-tuning: train a LoRA adapter for one request on its passages, then discard it.

A request is one question that a model answers. While it is answered, a `Session` gives the request
the model alone, together with an adapter trained for it.

Needs the extra `finetune` (torch, transformers, peft).
"""

from sift_retrievers.finetune.budget import Budget
from sift_retrievers.finetune.errors import (
    BaseChangedError,
    DeadlockError,
    NoRequestError,
    PoisonedError,
    QueueTimeoutError,
    TuningError,
)
from sift_retrievers.finetune.report import Report
from sift_retrievers.finetune.session import Session
from sift_retrievers.finetune.training_step import TrainingStep
from sift_retrievers.finetune.tuner import TestTimeTuner

__all__ = [
    "BaseChangedError",
    "Budget",
    "DeadlockError",
    "NoRequestError",
    "PoisonedError",
    "QueueTimeoutError",
    "Report",
    "Session",
    "TestTimeTuner",
    "TrainingStep",
    "TuningError",
]
