"""The requests that are open where the code runs: how a retriever's hook finds its request.

Kept in a context variable: threads that LangChain and LangGraph start, and tasks of asyncio, see
the requests of the code that started them, and nobody else's.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sift_retrievers.finetune.request import Request
    from sift_retrievers.finetune.tuner import TestTimeTuner

_open: ContextVar[Mapping[int, Request]] = ContextVar("sift_open_requests")


def open_request(tuner: TestTimeTuner) -> Request | None:
    """The request of a tuner that encloses the calling code."""
    request = _open.get({}).get(id(tuner))
    return None if request is None or request.closed else request


def opened(tuner: TestTimeTuner, request: Request) -> None:
    """From now on the calling code is inside a request."""
    _open.set({**_open.get({}), id(tuner): request})


def ended(tuner: TestTimeTuner, request: Request) -> None:
    """The request is over. May be called in another context, which knows nothing of it."""
    there = _open.get({})
    if there.get(id(tuner)) is request:
        _open.set({key: value for key, value in there.items() if key != id(tuner)})
