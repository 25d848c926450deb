"""What a page's blocks set for the whole process is taken back when they have run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def handlers_of_llama_index() -> Iterator[None]:
    """The handlers of events and spans as they were: a block of docs/traces.md adds one."""
    import llama_index.core.instrumentation as instrument

    root = instrument.get_dispatcher()
    events, spans = [*root.event_handlers], [*root.span_handlers]
    yield
    root.event_handlers[:], root.span_handlers[:] = events, spans
