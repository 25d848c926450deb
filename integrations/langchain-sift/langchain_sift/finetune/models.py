"""Where LangChain's classes keep the transformers model, and which of them a chain holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from langchain_core.language_models import BaseLanguageModel
from langchain_core.runnables import Runnable, RunnableLambda
from torch import nn


def transformers_model(llm: Any) -> tuple[nn.Module, Any]:
    """The model and the tokenizer inside a `HuggingFacePipeline` or a `ChatHuggingFace`.

    Example:
        ```python
        tuner = TestTimeTuner(*transformers_model(llm))
        ```

    Raises:
        TypeError: for anything that has no transformers model in this process, an endpoint say.
    """
    pipeline = _pipeline(llm)
    if pipeline is None:
        raise TypeError(
            "fine-tuning needs a model in this process: a HuggingFacePipeline, or a "
            f"ChatHuggingFace over one; got {type(llm).__name__}. For any other class, pass its "
            "transformers model and tokenizer to TestTimeTuner"
        )
    return pipeline.model, pipeline.tokenizer


def held_model(llm: Any) -> nn.Module | None:
    """The transformers model inside of an LLM, if it has one."""
    pipeline = _pipeline(llm)
    return None if pipeline is None else pipeline.model


def _pipeline(llm: Any) -> Any:
    inside = getattr(llm, "llm", llm)  # of ChatHuggingFace
    pipeline = getattr(inside, "pipeline", None)
    return pipeline if isinstance(getattr(pipeline, "model", None), nn.Module) else None


def language_models(chain: Any) -> list[BaseLanguageModel[Any]]:
    """The language models that a chain's parts hold, as far as they can be seen.

    What a function takes from elsewhere than its closure is not seen.
    """
    found: list[BaseLanguageModel[Any]] = []
    seen: set[int] = set()
    waiting = [chain]
    while waiting:
        part = waiting.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        if isinstance(part, BaseLanguageModel):
            found.append(part)
        if isinstance(part, RunnableLambda):
            waiting += part.deps
        if isinstance(part, Runnable):
            waiting += [value for value in _values(part) if isinstance(value, Runnable)]
    return found


def _values(part: Any) -> Iterator[Any]:
    """What an object holds, lists and mappings opened."""
    for value in vars(part).values():
        yield value
        if isinstance(value, Mapping):
            yield from value.values()
        elif isinstance(value, Iterable) and isinstance(value, list | tuple):
            for element in value:
                yield element
                if isinstance(element, list | tuple):  # the branches of a RunnableBranch
                    yield from element
