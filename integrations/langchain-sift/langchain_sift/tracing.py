"""The stages of a retrieval: how long each takes, and its run in the callbacks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from inspect import isawaitable
from time import perf_counter
from typing import Any, TypeAlias

from langchain_core.callbacks import AsyncCallbackManager, CallbackManager

AnyManager: TypeAlias = CallbackManager | AsyncCallbackManager
"""The callbacks for the child runs of a run (`run_manager.get_child()`)."""
Outputs: TypeAlias = dict[str, Any]


class Stages:
    """Runs the stages of one retrieval; `seconds` holds how long each took."""

    def __init__(self, callbacks: AnyManager | None) -> None:
        """Report the stages to `callbacks`; None: they are only timed."""
        self._callbacks = callbacks
        self.seconds: dict[str, float] = {}

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Time a stage that reports itself to the callbacks."""
        start = perf_counter()
        yield
        self.seconds[name] = perf_counter() - start

    def stage(self, name: str, inputs: Mapping[str, Any]) -> Stage:
        """A stage, to be used in `async with`.

        That gives a dict. What is written into it is shown as the outputs of the stage's run. There
        is no run if there are no callbacks.
        """
        return Stage(self._callbacks, self.seconds, name, inputs)


class Stage:
    """One stage: its time, and a child run of the retriever's run if there are callbacks.

    It awaits something only if the callbacks are asynchronous.
    """

    __slots__ = ("_callbacks", "_inputs", "_name", "_outputs", "_run", "_seconds", "_start")

    def __init__(
        self,
        callbacks: AnyManager | None,
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

    async def __aenter__(self) -> Outputs:
        if self._callbacks is not None and self._callbacks.handlers:
            name = f"sift_{self._name}"
            self._run = await _given(
                self._callbacks.on_chain_start(None, dict(self._inputs), name=name)
            )
        return self._outputs

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None:
            self._seconds[self._name] = perf_counter() - self._start
        if self._run is None:
            return
        if error is None:
            await _given(self._run.on_chain_end(self._outputs))
        else:
            await _given(self._run.on_chain_error(error))


async def _given(result: Any) -> Any:
    """The result of a callback manager, awaited if the manager is asynchronous."""
    return await result if isawaitable(result) else result
