"""Test-time fine-tuning: a LoRA adapter trained on the passages of one request, then forgotten.

Needs the extra `finetune` (transformers, peft).
"""

from sift_retrievers.finetune.budget import Budget
from sift_retrievers.finetune.errors import NoRequestError, PoisonedError, TuningError
from sift_retrievers.finetune.gate import QueueTimeoutError
from sift_retrievers.finetune.proof import BaseChangedError
from sift_retrievers.finetune.report import Report
from sift_retrievers.finetune.request import Request
from sift_retrievers.finetune.tuner import TestTimeTuner

__all__ = [
    "BaseChangedError",
    "Budget",
    "NoRequestError",
    "PoisonedError",
    "QueueTimeoutError",
    "Report",
    "Request",
    "TestTimeTuner",
    "TuningError",
]
