"""Which session of a tuner is open where the code runs: this is how a retriever finds its session.

The sessions are in a context variable. Threads started by LangChain or LangGraph and tasks of
asyncio see the sessions of the code that started them; other code does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sift_retrievers.finetune.session import Session
    from sift_retrievers.finetune.tuner import TestTimeTuner

_open: ContextVar[Mapping[int, Session]] = ContextVar("sift_open_sessions")


def current_session(tuner: TestTimeTuner) -> Session | None:
    """Return the open session of a tuner that the calling code runs in, or None."""
    session = _open.get({}).get(id(tuner))
    return None if session is None or session.closed else session


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


def enter_session(tuner: TestTimeTuner, session: Session) -> None:
    """Make a session the current one for the calling code."""
    _open.set({**_open.get({}), id(tuner): session})


def leave_session(tuner: TestTimeTuner, session: Session) -> None:
    """Undo `enter_session`. Does nothing in a context in which the session was never entered."""
    sessions = _open.get({})
    if sessions.get(id(tuner)) is session:
        _open.set({key: value for key, value in sessions.items() if key != id(tuner)})
