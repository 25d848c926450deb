"""Test-time fine-tuning in LlamaIndex: engines and synthesizers whose requests are sessions.

Needs the extra `finetune`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, overload

from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.response.schema import RESPONSE_TYPE
from llama_index.core.prompts.mixin import PromptDictType, PromptMixinType
from llama_index.core.response_synthesizers import BaseSynthesizer
from llama_index.core.schema import NodeWithScore, QueryBundle, QueryType
from llama_index.core.types import RESPONSE_TEXT_TYPE
from torch import nn

from llama_index.retrievers.sift.sessions import Sessions
from sift_retrievers.finetune import Report, Request, TestTimeTuner


def transformers_model(llm: Any) -> tuple[nn.Module, Any]:
    """The model and the tokenizer inside a `HuggingFaceLLM`.

    Example:
        ```python
        tuner = TestTimeTuner(*transformers_model(llm))
        ```

    Raises:
        TypeError: for anything that has no transformers model in this process.
    """
    model = getattr(llm, "_model", None)
    if not isinstance(model, nn.Module):
        raise TypeError(
            f"fine-tuning needs a model in this process, a HuggingFaceLLM; got {type(llm).__name__}"
            ". For any other class, pass its transformers model and tokenizer to TestTimeTuner"
        )
    return model, llm._tokenizer


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
    """An engine or a synthesizer whose every request has the model to itself, tuned for it.

    In an engine the retriever does the tuning, `SIFTRetriever(index, fine_tune=tuner)`, or the
    postprocessor, `SIFTRerank(fine_tune=tuner)`; a synthesizer tunes on the nodes that it is given,
    in their order. What was trained is gone once the answer is there, of a stream once it is
    exhausted, closed or dropped.

    Args:
        tuner: of the model that answers.
        wrapped: a query engine or a response synthesizer.
        tuned: False for requests that the base model answers: they share the model with tuned ones,
            wait for their turn, and train nothing.
        on_report: gets the report of every request in which something was to be trained, once it
            is over.

    Raises:
        TypeError: for anything else.
        ValueError: if the model that answers is a transformers model, and not the tuner's.
    """
    sessions = Sessions(tuner, tuned, on_report)
    if isinstance(wrapped, BaseQueryEngine):
        tuner.check_model(_model_of(getattr(wrapped, "_response_synthesizer", None)), "the engine")
        return TunedQueryEngine(sessions, wrapped)
    if isinstance(wrapped, BaseSynthesizer):
        tuner.check_model(_model_of(wrapped), "the synthesizer")
        return TunedSynthesizer(sessions, wrapped)
    raise TypeError(
        f"wrap takes a query engine or a response synthesizer; got {type(wrapped).__name__}"
    )


class TunedQueryEngine(BaseQueryEngine):
    """A query engine whose every query is a session of a tuner. Made by `wrap`."""

    def __init__(self, sessions: Sessions, engine: BaseQueryEngine) -> None:
        super().__init__(engine.callback_manager)
        self._sessions, self._engine = sessions, engine

    def _get_prompt_modules(self) -> PromptMixinType:
        return {"query_engine": self._engine}

    def _query(self, query_bundle: QueryBundle) -> RESPONSE_TYPE:
        return self._sessions.run(lambda _: self._engine.query(query_bundle))

    async def _aquery(self, query_bundle: QueryBundle) -> RESPONSE_TYPE:
        return await self._sessions.arun(lambda _: self._engine.aquery(query_bundle))

    def retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        """What the engine retrieves; nothing is trained."""
        untuned = Sessions(self._sessions.tuner, tuned=False)
        return untuned.run(lambda _: self._engine.retrieve(query_bundle))

    async def aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        """The same; an engine that cannot retrieve asynchronously does it in a thread."""
        retrieve = getattr(self._engine, "aretrieve", None)
        if retrieve is None:
            return await asyncio.to_thread(self.retrieve, query_bundle)
        untuned = Sessions(self._sessions.tuner, tuned=False)
        found: list[NodeWithScore] = await untuned.arun(lambda _: retrieve(query_bundle))
        return found

    def synthesize(
        self,
        query_bundle: QueryBundle,
        nodes: list[NodeWithScore],
        additional_source_nodes: Sequence[NodeWithScore] | None = None,
    ) -> RESPONSE_TYPE:
        """What the engine answers from nodes, tuned on them in their order."""

        def work(request: Request) -> RESPONSE_TYPE:
            _tune(request, query_bundle, _texts(nodes))
            return self._engine.synthesize(query_bundle, nodes, additional_source_nodes)

        return self._sessions.run(work)

    async def asynthesize(
        self,
        query_bundle: QueryBundle,
        nodes: list[NodeWithScore],
        additional_source_nodes: Sequence[NodeWithScore] | None = None,
    ) -> RESPONSE_TYPE:
        """The same; waiting and training leave the event loop free."""

        async def work(request: Request) -> RESPONSE_TYPE:
            await _atune(request, query_bundle, _texts(nodes))
            return await self._engine.asynthesize(query_bundle, nodes, additional_source_nodes)

        return await self._sessions.arun(work)


class TunedSynthesizer(BaseSynthesizer):
    """A synthesizer whose every answer is a session of a tuner. Made by `wrap`."""

    def __init__(self, sessions: Sessions, synthesizer: BaseSynthesizer) -> None:
        super().__init__(
            llm=synthesizer._llm,
            prompt_helper=synthesizer._prompt_helper,
            streaming=synthesizer._streaming,
            output_cls=synthesizer._output_cls,
            empty_response=synthesizer._empty_response,
        )
        self._sessions, self._inner = sessions, synthesizer

    def _get_prompts(self) -> PromptDictType:
        return {}

    def _update_prompts(self, prompts: PromptDictType) -> None:
        """It has none of its own."""

    def _get_prompt_modules(self) -> PromptMixinType:
        return {"synthesizer": self._inner}

    def synthesize(
        self,
        query: QueryType,
        nodes: list[NodeWithScore],
        additional_source_nodes: Sequence[NodeWithScore] | None = None,
        **response_kwargs: Any,
    ) -> RESPONSE_TYPE:
        """An answer from nodes, tuned on them in their order."""

        def work(request: Request) -> RESPONSE_TYPE:
            _tune(request, query, _texts(nodes))
            return self._inner.synthesize(query, nodes, additional_source_nodes, **response_kwargs)

        return self._sessions.run(work)

    async def asynthesize(
        self,
        query: QueryType,
        nodes: list[NodeWithScore],
        additional_source_nodes: Sequence[NodeWithScore] | None = None,
        **response_kwargs: Any,
    ) -> RESPONSE_TYPE:
        """The same; waiting and training leave the event loop free."""

        async def work(request: Request) -> RESPONSE_TYPE:
            await _atune(request, query, _texts(nodes))
            return await self._inner.asynthesize(
                query, nodes, additional_source_nodes, **response_kwargs
            )

        return await self._sessions.arun(work)

    def get_response(
        self, query_str: str, text_chunks: Sequence[str], **response_kwargs: Any
    ) -> RESPONSE_TEXT_TYPE:
        """An answer from texts, tuned on them in their order."""

        def work(request: Request) -> RESPONSE_TEXT_TYPE:
            _tune(request, query_str, text_chunks)
            return self._inner.get_response(query_str, text_chunks, **response_kwargs)

        return self._sessions.run(work)

    async def aget_response(
        self, query_str: str, text_chunks: Sequence[str], **response_kwargs: Any
    ) -> RESPONSE_TEXT_TYPE:
        """The same; waiting and training leave the event loop free."""

        async def work(request: Request) -> RESPONSE_TEXT_TYPE:
            await _atune(request, query_str, text_chunks)
            return await self._inner.aget_response(query_str, text_chunks, **response_kwargs)

        return await self._sessions.arun(work)


def _tune(request: Request, query: QueryType, texts: Sequence[str]) -> None:
    if request.tuned:
        request.tune(_text(query), texts)


async def _atune(request: Request, query: QueryType, texts: Sequence[str]) -> None:
    if request.tuned:
        await request.atune(_text(query), texts)


def _text(query: QueryType) -> str:
    return query if isinstance(query, str) else query.query_str


def _texts(nodes: Sequence[NodeWithScore]) -> list[str]:
    return [node.node.get_content() for node in nodes]


def _model_of(synthesizer: Any) -> Any:
    """The transformers model that a synthesizer's llm holds, if it holds one."""
    return getattr(getattr(synthesizer, "_llm", None), "_model", None)
