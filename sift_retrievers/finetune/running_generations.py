"""`RunningGenerations`: the calls of a model's `generate` that a session has to wait for."""

from __future__ import annotations

from functools import wraps
from threading import Condition
from time import monotonic
from typing import Any, Final

import torch
from torch import Tensor, nn

CRITERIA_POSITION: Final = 3
"""Position of `stopping_criteria` among the arguments of transformers' `generate`."""


class RunningGenerations:
    """Counts the calls of `generate` during a session, and stops those that run when it ends.

    Streams of LangChain and LlamaIndex generate in a thread of their own. That thread goes on when
    the stream is no longer read.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._changed = Condition()
        self._running = 0
        self._session_over = False
        self._replaced: Any = None
        self._error: BaseException | None = None

    def watch(self) -> None:
        """Count every call of `generate` from now on, in any thread."""
        generate = getattr(self._model, "generate", None)
        if generate is None:
            return
        self._replaced = self._model.__dict__.get("generate")

        @wraps(generate)
        def watched(*args: Any, **kwargs: Any) -> Any:
            with self._changed:
                self._running += 1
            try:
                args, kwargs = self._with_criterion(args, kwargs)
                return generate(*args, **kwargs)
            except BaseException as error:
                streamer = kwargs.get("streamer")
                if streamer is not None:
                    # The reader of the stream would wait forever for the next token.
                    self._error = error
                    streamer.end()
                raise
            finally:
                with self._changed:
                    self._running -= 1
                    self._changed.notify_all()

        self._model.__dict__["generate"] = watched

    def end(self, timeout: float) -> bool:
        """Stop running calls after their current token, and wait for them.

        Returns:
            Whether all of them ended within `timeout` seconds.
        """
        if self._replaced is None:
            self._model.__dict__.pop("generate", None)
        else:
            self._model.__dict__["generate"] = self._replaced
        deadline = monotonic() + timeout
        self.stop()
        with self._changed:
            while self._running:
                left = deadline - monotonic()
                if left <= 0:
                    return False
                self._changed.wait(left)
        return True

    def stop(self) -> None:
        """Stop running calls, and later ones, after their current token, without waiting."""
        with self._changed:
            self._session_over = True

    def raise_stream_error(self) -> None:
        """Raise the error of a streamed call, which ran in another thread.

        Raises:
            RuntimeError: if there was one; the error is its cause.
        """
        if self._error is not None:
            raise RuntimeError("the generation of a stream failed") from self._error

    def _with_criterion(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Add a stopping criterion that is met once the session is over."""
        from transformers import StoppingCriteria, StoppingCriteriaList

        generations = self

        class SessionOver(StoppingCriteria):
            def __call__(self, input_ids: Tensor, *_: Any, **__: Any) -> Tensor:
                over = generations._session_over
                return torch.full((len(input_ids),), over, device=input_ids.device)

        positional = len(args) > CRITERIA_POSITION
        given = args[CRITERIA_POSITION] if positional else kwargs.get("stopping_criteria")
        criteria = StoppingCriteriaList([*(given or []), SessionOver()])
        if positional:
            return (*args[:CRITERIA_POSITION], criteria, *args[CRITERIA_POSITION + 1 :]), kwargs
        return args, kwargs | {"stopping_criteria": criteria}
