"""The stages of a retrieval: how long each takes, and its run in the callbacks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from inspect import isawaitable
from time import perf_counter
from typing import Any, TypeAlias

from langchain_core.callbacks import AsyncCallbackManager, CallbackManager

from sift_retrievers.retrieval.traces import HIDDEN, attempted, clean, records_texts

AnyManager: TypeAlias = CallbackManager | AsyncCallbackManager
"""The callbacks for the child runs of a run (`run_manager.get_child()`)."""
Outputs: TypeAlias = dict[str, Any]


class Stages:
    """Runs the stages of one retrieval; `seconds` holds how long each took."""

    def __init__(self, callbacks: AnyManager | None, trace_content: bool) -> None:
        """Report the stages to `callbacks`; None: they are only timed.

        Args:
            callbacks: for the runs.
            trace_content: whether the runs may show texts.
        """
        self._callbacks = callbacks
        self._trace_content = trace_content
        self.seconds: dict[str, float] = {}

    @property
    def watched(self) -> bool:
        """Whether anybody sees the runs."""
        return self._callbacks is not None and len(self._callbacks.handlers) > 0

    def records_texts(self) -> bool:
        """Whether traces may show texts."""
        return records_texts(self._trace_content)

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

        Args:
            name: of the stage.
            inputs: shown as the inputs of the run. Lists of texts and dicts are not shown where
                texts are not recorded.
        """
        if self.watched:
            inputs = _shown(inputs, self.records_texts())
        return Stage(self._callbacks if self.watched else None, self.seconds, name, inputs)


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
        if self._callbacks is not None:
            name = f"sift_{self._name}"
            self._run = await _given(
                self._callbacks.on_chain_start(None, dict(self._inputs), name=name)
            )
        return self._outputs

    def stop(self) -> None:
        """Write the time now; what follows is not the stage itself."""
        self._seconds[self._name] = perf_counter() - self._start

    def span(self) -> Any:
        """The span of OpenTelemetry that a handler keeps for the stage's run; None if none does.

        OpenInference's handler, for one, makes a span of every run, and does not make it the
        current one.
        """
        if self._run is None or self._callbacks is None:
            return None
        for handler in self._callbacks.handlers:
            span_of = getattr(handler, "get_span", None)
            span = attempted(span_of, self._run.run_id) if callable(span_of) else None
            if hasattr(span, "get_span_context"):
                return span
        return None

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None and self._name not in self._seconds:
            self.stop()
        if self._run is None:
            return
        if error is None:
            await _given(self._run.on_chain_end(self._outputs))
        else:
            await _given(self._run.on_chain_error(error))


def _shown(inputs: Mapping[str, Any], recorded: bool) -> dict[str, Any]:
    """The inputs of a run: texts are shortened, or hidden where they are not recorded."""

    def shown(value: Any) -> Any:
        if isinstance(value, str):
            return clean(value) if recorded else HIDDEN
        if isinstance(value, list):
            return [shown(one) for one in value]
        return value if recorded or value is None or isinstance(value, int | float) else HIDDEN

    return {name: shown(value) for name, value in inputs.items()}


async def _given(result: Any) -> Any:
    """The result of a callback manager, awaited if the manager is asynchronous."""
    return await result if isawaitable(result) else result
