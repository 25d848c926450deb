"""Test-time fine-tuning in LlamaIndex: wrap a query engine or a response synthesizer.

Needs the extra `finetune`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, overload

from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.response.schema import RESPONSE_TYPE
from llama_index.core.prompts.mixin import PromptDictType, PromptMixinType
from llama_index.core.response_synthesizers import BaseSynthesizer
from llama_index.core.schema import NodeWithScore, QueryBundle, QueryType
from llama_index.core.types import RESPONSE_TEXT_TYPE
from torch import nn

from llama_index.retrievers.sift.sessions import Sessions
from sift_retrievers.finetune import Report, TestTimeTuner
from sift_retrievers.finetune.language_models import checked_model


def transformers_model(llm: Any) -> tuple[nn.Module, Any]:
    """Return the model and the tokenizer inside a `HuggingFaceLLM`.

    Example:
        ```python
        tuner = TestTimeTuner(*transformers_model(llm))
        ```

    Raises:
        TypeError: if `llm` holds no transformers model in this process.
    """
    return checked_model(_held_model(llm), llm, "a HuggingFaceLLM"), llm._tokenizer


@overload
def wrap(
    tuner: TestTimeTuner,
    wrapped: BaseQueryEngine,
    *,
    tuned: bool = ...,
    on_report: Callable[[Report], None] | None = ...,
) -> TunedQueryEngine: ...
@overload
def wrap(
    tuner: TestTimeTuner,
    wrapped: BaseSynthesizer,
    *,
    tuned: bool = ...,
    on_report: Callable[[Report], None] | None = ...,
) -> TunedSynthesizer: ...
def wrap(
    tuner: TestTimeTuner,
    wrapped: BaseQueryEngine | BaseSynthesizer,
    *,
    tuned: bool = True,
    on_report: Callable[[Report], None] | None = None,
) -> TunedQueryEngine | TunedSynthesizer:
    """Return an engine or a synthesizer in which the model is tuned for every request.

    Each request has the model to itself. In an engine the retriever does the training,
    `SIFTRetriever(index, fine_tune=tuner)`, or the postprocessor, `SIFTRerank(fine_tune=tuner)`. A
    synthesizer trains on the nodes that it is given, in their order. The adapter is reset when the
    answer is complete; with a stream, when it is exhausted, closed or dropped.

    Args:
        tuner: of the model that answers.
        wrapped: a query engine or a response synthesizer.
        tuned: False for requests that the base model answers. They wait for the model as tuned ones
            do, and nothing is trained.
        on_report: receives the report of every request in which the tuner was called, when the
            request is over. An exception that it raises is logged and not raised, so that it
            replaces neither the answer nor an error of the request.

    Raises:
        TypeError: if `wrapped` is neither.
        ValueError: if a transformers model answers, but not the tuner's.
    """
    sessions = Sessions(tuner, tuned, on_report)
    if isinstance(wrapped, BaseQueryEngine):
        synthesizer = getattr(wrapped, "_response_synthesizer", None)
        tuner.check_model(_held_model(getattr(synthesizer, "_llm", None)), "the engine")
        return TunedQueryEngine(sessions, wrapped)
    if isinstance(wrapped, BaseSynthesizer):
        tuner.check_model(_held_model(wrapped._llm), "the synthesizer")
        return TunedSynthesizer(sessions, wrapped)
    raise TypeError(
        f"wrap takes a query engine or a response synthesizer; got {type(wrapped).__name__}"
    )


class TunedQueryEngine(BaseQueryEngine):
    """A query engine in which the model is tuned for every query. `wrap` makes it."""

    def __init__(self, sessions: Sessions, engine: BaseQueryEngine) -> None:
        super().__init__(engine.callback_manager)
        self._sessions, self._engine = sessions, engine

    def _get_prompt_modules(self) -> PromptMixinType:
        return {"query_engine": self._engine}

    def _query(self, query_bundle: QueryBundle) -> RESPONSE_TYPE:
        return self._sessions.run(partial(self._engine.query, query_bundle))

    async def _aquery(self, query_bundle: QueryBundle) -> RESPONSE_TYPE:
        return await self._sessions.arun(partial(self._engine.aquery, query_bundle))

    def retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        """Return the nodes that the engine retrieves; nothing is trained."""
        return self._sessions.untuned().run(partial(self._engine.retrieve, query_bundle))

    async def aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        """Async version of `retrieve`. Runs in a thread if the engine has no async version."""
        retrieve = getattr(self._engine, "aretrieve", None)
        if retrieve is None:
            return await asyncio.to_thread(self.retrieve, query_bundle)
        nodes: list[NodeWithScore] = await self._sessions.untuned().arun(
            partial(retrieve, query_bundle)
        )
        return nodes

    def synthesize(
        self,
        query_bundle: QueryBundle,
        nodes: list[NodeWithScore],
        additional_source_nodes: Sequence[NodeWithScore] | None = None,
    ) -> RESPONSE_TYPE:
        """Answer from nodes, with the model trained on them in their order."""
        answer = partial(self._engine.synthesize, query_bundle, nodes, additional_source_nodes)
        return self._sessions.run_tuned(query_bundle, _texts(nodes), answer)

    async def asynthesize(
        self,
        query_bundle: QueryBundle,
        nodes: list[NodeWithScore],
        additional_source_nodes: Sequence[NodeWithScore] | None = None,
    ) -> RESPONSE_TYPE:
        """Async version of `synthesize`."""
        answer = partial(self._engine.asynthesize, query_bundle, nodes, additional_source_nodes)
        return await self._sessions.arun_tuned(query_bundle, _texts(nodes), answer)


class TunedSynthesizer(BaseSynthesizer):
    """A synthesizer in which the model is tuned for every answer. `wrap` makes it."""

    def __init__(self, sessions: Sessions, synthesizer: BaseSynthesizer) -> None:
        super().__init__(
            llm=synthesizer._llm,
            prompt_helper=synthesizer._prompt_helper,
            streaming=synthesizer._streaming,
            output_cls=synthesizer._output_cls,
            empty_response=synthesizer._empty_response,
        )
        self._sessions, self._synthesizer = sessions, synthesizer

    def _get_prompts(self) -> PromptDictType:
        return {}

    def _update_prompts(self, prompts: PromptDictType) -> None:
        """Do nothing: all prompts are those of the wrapped synthesizer."""

    def _get_prompt_modules(self) -> PromptMixinType:
        return {"synthesizer": self._synthesizer}

    def synthesize(
        self,
        query: QueryType,
        nodes: list[NodeWithScore],
        additional_source_nodes: Sequence[NodeWithScore] | None = None,
        **response_kwargs: Any,
    ) -> RESPONSE_TYPE:
        """Answer from nodes, with the model trained on them in their order."""
        synthesize = partial(self._synthesizer.synthesize, **response_kwargs)
        answer = partial(synthesize, query, nodes, additional_source_nodes)
        return self._sessions.run_tuned(query, _texts(nodes), answer)

    async def asynthesize(
        self,
        query: QueryType,
        nodes: list[NodeWithScore],
        additional_source_nodes: Sequence[NodeWithScore] | None = None,
        **response_kwargs: Any,
    ) -> RESPONSE_TYPE:
        """Async version of `synthesize`."""
        synthesize = partial(self._synthesizer.asynthesize, **response_kwargs)
        answer = partial(synthesize, query, nodes, additional_source_nodes)
        return await self._sessions.arun_tuned(query, _texts(nodes), answer)

    def get_response(
        self, query_str: str, text_chunks: Sequence[str], **response_kwargs: Any
    ) -> RESPONSE_TEXT_TYPE:
        """Answer from texts, with the model trained on them in their order."""
        get_response = self._synthesizer.get_response
        answer = partial(get_response, query_str, text_chunks, **response_kwargs)
        return self._sessions.run_tuned(query_str, text_chunks, answer)

    async def aget_response(
        self, query_str: str, text_chunks: Sequence[str], **response_kwargs: Any
    ) -> RESPONSE_TEXT_TYPE:
        """Async version of `get_response`."""
        get_response = self._synthesizer.aget_response
        answer = partial(get_response, query_str, text_chunks, **response_kwargs)
        return await self._sessions.arun_tuned(query_str, text_chunks, answer)


def _texts(nodes: Sequence[NodeWithScore]) -> list[str]:
    return [node.node.get_content() for node in nodes]


def _held_model(llm: Any) -> Any:
    """Return the transformers model inside an LLM, or None."""
    return getattr(llm, "_model", None)
