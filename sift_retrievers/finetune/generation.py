"""`Generations`: the calls of a model's `generate` that a request has to wait for."""

from __future__ import annotations

from functools import wraps
from threading import Condition
from time import monotonic
from typing import Any

import torch
from torch import Tensor, nn

PLACE = 3  # of stopping_criteria among the positional arguments of transformers' generate


class Generations:
    """Counts a model's `generate` calls while a request is open, and ends those that outlive it.

    Streams of LangChain and LlamaIndex generate in a thread of their own, which goes on when
    nobody reads the stream any more.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._changed = Condition()
        self._running = 0
        self._over = False
        self._shadowed: Any = None
        self.error: BaseException | None = None
        """What ended a generation whose tokens somebody streams; they see the stream's end."""

    def watch(self) -> None:
        """Look at every call from now on, from whatever thread."""
        generate = getattr(self._model, "generate", None)
        if generate is None:
            return
        self._shadowed = self._model.__dict__.get("generate")

        @wraps(generate)
        def watched(*args: Any, **kwargs: Any) -> Any:
            with self._changed:
                self._running += 1
            try:
                args, kwargs = self._stoppable(args, kwargs)
                return generate(*args, **kwargs)
            except BaseException as error:
                streamer = kwargs.get("streamer")
                if streamer is not None:  # whose reader waits for a next token, or for the end
                    self.error = error
                    streamer.end()
                raise
            finally:
                with self._changed:
                    self._running -= 1
                    self._changed.notify_all()

        self._model.__dict__["generate"] = watched

    def end(self, timeout: float) -> bool:
        """Let what still runs end after its present token, and wait for it.

        Returns:
            Whether all ended within `timeout` seconds.
        """
        if self._shadowed is None:
            self._model.__dict__.pop("generate", None)
        else:
            self._model.__dict__["generate"] = self._shadowed
        deadline = monotonic() + timeout
        with self._changed:
            self._over = True
            while self._running:
                left = deadline - monotonic()
                if left <= 0:
                    return False
                self._changed.wait(left)
        return True

    def _stoppable(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments of a call, with a criterion that asks for the request's end."""
        from transformers import StoppingCriteria, StoppingCriteriaList

        generations = self

        class RequestOver(StoppingCriteria):
            def __call__(self, input_ids: Tensor, *_: Any, **__: Any) -> Tensor:
                return torch.full((len(input_ids),), generations._over, device=input_ids.device)

        given = args[PLACE] if len(args) > PLACE else kwargs.get("stopping_criteria")
        criteria = StoppingCriteriaList([*(given or []), RequestOver()])
        if len(args) > PLACE:
            return (*args[:PLACE], criteria, *args[PLACE + 1 :]), kwargs
        return args, kwargs | {"stopping_criteria": criteria}
