"""Find the transformers model inside LangChain's classes, and the language models in a chain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from langchain_core.language_models import BaseLanguageModel
from langchain_core.runnables import Runnable, RunnableLambda
from torch import nn

from sift_retrievers.finetune.language_models import checked_model


def transformers_model(llm: Any) -> tuple[nn.Module, Any]:
    """Return the model and the tokenizer inside a `HuggingFacePipeline` or a `ChatHuggingFace`.

    Example:
        ```python
        tuner = TestTimeTuner(*transformers_model(llm))
        ```

    Raises:
        TypeError: if `llm` holds no transformers model in this process, as an endpoint does not.
    """
    expected = "a HuggingFacePipeline, or a ChatHuggingFace over one"
    model = checked_model(held_model(llm), llm, expected)
    return model, _pipeline(llm).tokenizer


def held_model(llm: Any) -> nn.Module | None:
    """Return the transformers model inside an LLM, or None."""
    model = getattr(_pipeline(llm), "model", None)
    return model if isinstance(model, nn.Module) else None


def only_synchronous(llm: Any) -> bool:
    """Whether an LLM refuses asynchronous calls, as `ChatHuggingFace` over a pipeline does."""
    return hasattr(llm, "llm") and held_model(llm) is not None


def _pipeline(llm: Any) -> Any:
    inner = getattr(llm, "llm", llm)  # ChatHuggingFace keeps its HuggingFacePipeline there
    return getattr(inner, "pipeline", None)


def language_models(chain: Any, *, outside: type) -> list[BaseLanguageModel[Any]]:
    """Return the language models that the parts of a chain hold.

    Of a function, only the objects in its closure are found.

    Args:
        chain: a Runnable.
        outside: class of the parts that are not searched.
    """
    found: list[BaseLanguageModel[Any]] = []
    seen: set[int] = set()
    waiting = [chain]
    while waiting:
        part = waiting.pop()
        if id(part) in seen or isinstance(part, outside):
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
    """Yield the attributes of an object, and the elements of lists and mappings among them."""
    for value in vars(part).values():
        yield value
        if isinstance(value, Mapping):
            yield from value.values()
        elif isinstance(value, list | tuple):
            for element in value:
                yield element
                if isinstance(element, list | tuple):  # the branches of a RunnableBranch
                    yield from element
