"""Which session of a tuner is open where the code runs: this is how a retriever finds its session.

The sessions are in a context variable. Threads started by LangChain or LangGraph and tasks of
asyncio see the sessions of the code that started them; other code does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sift_retrievers.finetune.open_request import OpenRequest
    from sift_retrievers.finetune.session import Session
    from sift_retrievers.finetune.tuner import TestTimeTuner
    from sift_retrievers.finetune.turn import Turn

_open: ContextVar[Mapping[int, OpenRequest]] = ContextVar("sift_open_requests")


def current_session(tuner: TestTimeTuner) -> Session | None:
    """Return the open session of a tuner that the calling code runs in, or None."""
    request = _open.get({}).get(id(tuner))
    if request is None or request.session is None or request.session.closed:
        return None
    return request.session


def held_turns() -> list[Turn]:
    """Return the turns, at all models, of the sessions that the calling code runs in."""
    return [request.turn for request in _open.get({}).values()]


def abandoned_here() -> bool:
    """Whether the calling code runs in a request whose event loop was closed."""
    return any(turn.abandoned for turn in held_turns())


def end_abandoned_requests() -> None:
    """End the requests that the calling code runs in, if their event loops were closed."""
    for turn in held_turns():
        if turn.abandoned and turn.end_request is not None:
            turn.end_request()


def check_outside_session(tuner: TestTimeTuner) -> None:
    """Check that the calling code does not run in a session of the tuner.

    Raises:
        RuntimeError: if it does. A second session would wait forever for the end of the first.
    """
    if current_session(tuner) is not None:
        raise RuntimeError(
            "this code runs inside a request of this tuner already, and a second request would "
            "wait forever for the first: wrap the whole chain once"
        )


def enter_session(tuner: TestTimeTuner, request: OpenRequest) -> None:
    """Make the session of a request the current one for the calling code."""
    _open.set({**_open.get({}), id(tuner): request})


def leave_session(tuner: TestTimeTuner, request: OpenRequest) -> None:
    """Undo `enter_session`. Does nothing in a context in which the session was never entered."""
    requests = _open.get({})
    if requests.get(id(tuner)) is request:
        _open.set({key: value for key, value in requests.items() if key != id(tuner)})
