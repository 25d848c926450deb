"""The transformers model inside the LLM object of a framework."""

from __future__ import annotations

from typing import Any

from torch import nn


def checked_model(model: Any, llm: Any, expected: str) -> nn.Module:
    """Check that an LLM object of a framework holds a transformers model, and return the model.

    Args:
        model: what was found in `llm`, or None.
        llm: named in the error.
        expected: the classes that hold a model, for the error.

    Raises:
        TypeError: if `model` is not a torch module.
    """
    if isinstance(model, nn.Module):
        return model
    raise TypeError(
        f"fine-tuning needs a transformers model in this process: {expected}; got "
        f"{type(llm).__name__}. For other classes, pass their transformers model and its tokenizer "
        "to TestTimeTuner"
    )
