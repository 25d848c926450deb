"""Test-time fine-tuning: a LoRA adapter trained on the passages of one request, then forgotten.

Needs the extra `finetune` (transformers, peft).
"""

from sift_retrievers.finetune.budget import Budget
from sift_retrievers.finetune.gate import QueueTimeoutError
from sift_retrievers.finetune.proof import BaseChangedError
from sift_retrievers.finetune.report import Report
from sift_retrievers.finetune.tuner import PoisonedError, Request, TestTimeTuner, TuningError

__all__ = [
    "BaseChangedError",
    "Budget",
    "PoisonedError",
    "QueueTimeoutError",
    "Report",
    "Request",
    "TestTimeTuner",
    "TuningError",
]
