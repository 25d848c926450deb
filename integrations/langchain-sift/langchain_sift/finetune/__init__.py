"""Test-time fine-tuning in LangChain: wrap a chain, or add a middleware to an agent.

Needs the extra `finetune`; `SIFTFineTuning`, the middleware, needs the extra `agents`.
"""

from typing import TYPE_CHECKING, Any

from langchain_sift.finetune.models import transformers_model
from langchain_sift.finetune.wrap import TunedRunnable, wrap

if TYPE_CHECKING:
    from langchain_sift.finetune.middleware import SIFTFineTuning

__all__ = ["SIFTFineTuning", "TunedRunnable", "transformers_model", "wrap"]


def __getattr__(name: str) -> Any:
    if name == "SIFTFineTuning":  # imports langchain, which chains do not need
        from langchain_sift.finetune.middleware import SIFTFineTuning

        return SIFTFineTuning
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
