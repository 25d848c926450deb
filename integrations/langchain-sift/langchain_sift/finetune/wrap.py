"""`wrap`: a chain in which the model is tuned for every request."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from contextvars import Context
from functools import partial
from typing import Any

from langchain_core.language_models import BaseLanguageModel
from langchain_core.runnables import Runnable, RunnableConfig, RunnableSerializable
from langchain_core.runnables.base import coerce_to_runnable
from langchain_core.runnables.config import get_config_list
from langchain_core.runnables.graph import Graph
from langchain_core.runnables.utils import ConfigurableFieldSpec
from langchain_core.utils.pydantic import TypeBaseModel
from pydantic import ConfigDict, Field, PrivateAttr

from langchain_sift.finetune.llm_cache import llm_cache_off
from langchain_sift.finetune.models import held_model, language_models, only_synchronous
from sift_retrievers.finetune import Report, TestTimeTuner
from sift_retrievers.finetune.session_context import (
    AsyncSessionInContext,
    await_in_context,
    session_in_context,
)
from sift_retrievers.finetune.streams import aread_stream, iterate_in_threads, read_stream
from sift_retrievers.finetune.worker_threads import run_in_thread, wait_for_thread


def wrap(
    tuner: TestTimeTuner,
    chain: Any,
    *,
    tuned: bool = True,
    on_report: Callable[[Report], None] | None = None,
) -> TunedRunnable:
    """Return a Runnable in which every request has the model to itself, tuned for it.

    The retriever in the chain does the training: `SIFTRetriever(vectorstore, fine_tune=tuner)`. The
    adapter is reset when the chain has answered; with a stream, when it is exhausted or closed.

    Args:
        tuner: of the model that the chain calls.
        chain: a Runnable, or what LangChain can turn into one.
        tuned: False for requests that the base model answers. They wait for the model as tuned ones
            do, and the retriever does not train.
        on_report: receives the report of every request in which a retriever called the tuner, when
            the request is over. An exception that it raises is logged and not raised, so that it
            replaces neither the answer nor an error of the request.

    Raises:
        ValueError: if the chain calls a transformers model, but not the tuner's.
    """
    return TunedRunnable(
        bound=coerce_to_runnable(chain), tuner=tuner, tuned=tuned, on_report=on_report
    )


class TunedRunnable(RunnableSerializable[Any, Any]):
    """A chain in which the model is tuned for every request. `wrap` makes it."""

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    bound: Runnable[Any, Any]
    """The chain."""
    tuner: TestTimeTuner = Field(exclude=True)
    tuned: bool = True
    on_report: Callable[[Report], None] | None = Field(default=None, exclude=True)

    _llms: list[BaseLanguageModel[Any]] = PrivateAttr()
    # Run asynchronous requests in threads, because the chain's model refuses asynchronous calls.
    _in_threads: bool = PrivateAttr()

    def model_post_init(self, context: Any, /) -> None:
        """Find the models that the chain calls, and check that they are the tuner's."""
        super().model_post_init(context)
        # A wrapped chain inside this one has checked its own models.
        llms = language_models(self.bound, outside=TunedRunnable)
        found = [(llm, held_model(llm)) for llm in llms]
        models = [model for _, model in found if model is not None]
        if not any(model is self.tuner.model for model in models):
            for model in models:
                self.tuner.check_model(model, "the chain")
        self._in_threads = any(map(only_synchronous, llms))
        # Those with another transformers model keep their caches.
        self._llms = [llm for llm, model in found if model is None or model is self.tuner.model]

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Answer one request: retrieve, train, generate, forget."""
        with self._session() as context:
            return context.run(self.bound.invoke, input, config, **kwargs)

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Async version of `invoke`."""
        async with self._asession() as context:
            if self._in_threads:
                invoke = partial(self.bound.invoke, input, config, **kwargs)
                cancel = context.run(self.tuner.current_session).cancel
                return await wait_for_thread(run_in_thread(context.run, invoke), cancel=cancel)
            return await await_in_context(context, self.bound.ainvoke(input, config, **kwargs))

    def stream(
        self, input: Any, config: RunnableConfig | None = None, **kwargs: Any
    ) -> Iterator[Any]:
        """Answer one request, which ends when the stream is exhausted, closed or dropped."""
        return read_stream(self._session(), partial(self.bound.stream, input, config, **kwargs))

    def astream(
        self, input: Any, config: RunnableConfig | None = None, **kwargs: Any
    ) -> AsyncIterator[Any]:
        """Async version of `stream`."""
        if self._in_threads:

            def begin() -> AsyncIterator[Any]:
                chunks = self.bound.stream(input, config, **kwargs)
                return iterate_in_threads(chunks, self.tuner.current_session().cancel)

            return aread_stream(self._asession(), begin)
        return aread_stream(self._asession(), partial(self.bound.astream, input, config, **kwargs))

    def batch(
        self,
        inputs: list[Any],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,
    ) -> list[Any]:
        """Answer the inputs one after the other, because a model serves one adapter at a time."""
        answers = self.batch_as_completed(
            inputs, config, return_exceptions=return_exceptions, **kwargs
        )
        return [answer for _, answer in answers]

    def batch_as_completed(
        self,
        inputs: Sequence[Any],
        config: RunnableConfig | Sequence[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,
    ) -> Iterator[tuple[int, Any]]:
        """As `batch`; yield each answer, and the position of its input, once it is ready."""
        configs = get_config_list(config, len(inputs))
        for i, (given, own) in enumerate(zip(inputs, configs, strict=True)):
            try:
                answer = self.invoke(given, own, **kwargs)
            except Exception as error:
                if not return_exceptions:
                    raise
                answer = error
            yield i, answer

    async def abatch(
        self,
        inputs: list[Any],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,
    ) -> list[Any]:
        """Async version of `batch`."""
        answers = self.abatch_as_completed(
            inputs, config, return_exceptions=return_exceptions, **kwargs
        )
        return [answer async for _, answer in answers]

    async def abatch_as_completed(
        self,
        inputs: Sequence[Any],
        config: RunnableConfig | Sequence[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,
    ) -> AsyncIterator[tuple[int, Any]]:
        """Async version of `batch_as_completed`."""
        configs = get_config_list(config, len(inputs))
        for i, (given, own) in enumerate(zip(inputs, configs, strict=True)):
            try:
                answer = await self.ainvoke(given, own, **kwargs)
            except Exception as error:
                if not return_exceptions:
                    raise
                answer = error
            yield i, answer

    @property
    def InputType(self) -> type[Any]:  # noqa: N802  # LangChain's name
        """Input type of the chain."""
        return self.bound.InputType

    @property
    def OutputType(self) -> type[Any]:  # noqa: N802
        """Output type of the chain."""
        return self.bound.OutputType

    def get_name(self, suffix: str | None = None, *, name: str | None = None) -> str:
        """Name of the chain."""
        return self.bound.get_name(suffix, name=name)

    def get_input_schema(self, config: RunnableConfig | None = None) -> TypeBaseModel:
        """Input schema of the chain."""
        return self.bound.get_input_schema(config)

    def get_output_schema(self, config: RunnableConfig | None = None) -> TypeBaseModel:
        """Output schema of the chain."""
        return self.bound.get_output_schema(config)

    @property
    def config_specs(self) -> list[ConfigurableFieldSpec]:
        """Configurable fields of the chain."""
        return self.bound.config_specs

    def get_graph(self, config: RunnableConfig | None = None) -> Graph:
        """Graph of the chain."""
        return self.bound.get_graph(config)

    def _session(self) -> AbstractContextManager[Context]:
        """Make a session for one request, which yields the context to run the chain in."""
        return session_in_context(
            self.tuner, tuned=self.tuned, on_report=self.on_report, inside=self._inside
        )

    def _asession(self) -> AsyncSessionInContext:
        """Async version of `_session`."""
        return AsyncSessionInContext(
            self.tuner, tuned=self.tuned, on_report=self.on_report, inside=self._inside
        )

    def _inside(self) -> AbstractContextManager[None]:
        return llm_cache_off(self._llms) if self.tuned else nullcontext()
