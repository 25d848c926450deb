"""The stages of a retrieval: timed, and child runs of the retriever's run in callbacks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from time import perf_counter
from typing import Any, TypeAlias

from langchain_core.callbacks import AsyncCallbackManager, CallbackManager

Outputs: TypeAlias = dict[str, Any]


class Stages:
    """Runs the stages of one retrieval; in `seconds` is how long each took."""

    def __init__(self, callbacks: CallbackManager | AsyncCallbackManager) -> None:
        """Trace to `callbacks`, those that the run hands down (`run_manager.get_child()`)."""
        self._callbacks = callbacks
        self.seconds: dict[str, float] = {}

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """A stage that traces itself."""
        start = perf_counter()
        yield
        self.seconds[name] = perf_counter() - start

    @contextmanager
    def stage(self, name: str, inputs: Mapping[str, Any]) -> Iterator[Outputs]:
        """Run a stage; the caller puts into the dict that it gets what the trace shows as outputs.

        Nothing is traced where nobody listens.
        """
        run, outputs, start = None, Outputs(), perf_counter()
        if self._callbacks.handlers:
            assert isinstance(self._callbacks, CallbackManager)
            run = self._callbacks.on_chain_start(None, dict(inputs), name=f"sift_{name}")
        try:
            yield outputs
        except BaseException as error:
            if run is not None:
                run.on_chain_error(error)
            raise
        self.seconds[name] = perf_counter() - start
        if run is not None:
            run.on_chain_end(outputs)

    @asynccontextmanager
    async def astage(self, name: str, inputs: Mapping[str, Any]) -> AsyncIterator[Outputs]:
        """The same for a retrieval that runs on an event loop."""
        run, outputs, start = None, Outputs(), perf_counter()
        if self._callbacks.handlers:
            assert isinstance(self._callbacks, AsyncCallbackManager)
            run = await self._callbacks.on_chain_start(None, dict(inputs), name=f"sift_{name}")
        try:
            yield outputs
        except BaseException as error:
            if run is not None:
                await run.on_chain_error(error)
            raise
        self.seconds[name] = perf_counter() - start
        if run is not None:
            await run.on_chain_end(outputs)
