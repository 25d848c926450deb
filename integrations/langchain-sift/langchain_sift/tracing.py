"""The stages of a retrieval: timed, and child runs of the retriever's run in callbacks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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

    def stage(self, name: str, inputs: Mapping[str, Any]) -> Stage:
        """Run a stage; the caller puts into the dict that it gets what the trace shows as outputs.

        With `with` in a synchronous retrieval, with `async with` on an event loop. Nothing is
        traced where nobody listens.
        """
        return Stage(self._callbacks, self.seconds, name, inputs)


class Stage:
    """One stage: a child run of the retriever's, if anybody listens, and its time."""

    __slots__ = ("_callbacks", "_inputs", "_name", "_outputs", "_run", "_seconds", "_start")

    def __init__(
        self,
        callbacks: CallbackManager | AsyncCallbackManager,
        seconds: dict[str, float],
        name: str,
        inputs: Mapping[str, Any],
    ) -> None:
        """Write the time into `seconds` under the stage's name."""
        self._callbacks, self._seconds = callbacks, seconds
        self._name, self._inputs = name, inputs
        self._outputs: Outputs = {}
        self._run: Any = None
        self._start = perf_counter()

    def __enter__(self) -> Outputs:
        if self._callbacks.handlers:
            self._run = self._begin()
        return self._outputs

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None:
            self._seconds[self._name] = perf_counter() - self._start
        if self._run is not None and error is None:
            self._run.on_chain_end(self._outputs)
        elif self._run is not None:
            self._run.on_chain_error(error)

    async def __aenter__(self) -> Outputs:
        if self._callbacks.handlers:
            self._run = await self._begin()
        return self._outputs

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None:
            self._seconds[self._name] = perf_counter() - self._start
        if self._run is not None and error is None:
            await self._run.on_chain_end(self._outputs)
        elif self._run is not None:
            await self._run.on_chain_error(error)

    def _begin(self) -> Any:
        """The run, or what an asynchronous manager has to be awaited for."""
        return self._callbacks.on_chain_start(None, dict(self._inputs), name=f"sift_{self._name}")
