"""`in_first_loop`: whether a store's asynchronous client may be used in the running event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final
from weakref import ref

_FIRST: Final[dict[int, tuple[Callable[[], object], Callable[[], object]]]] = {}


def in_first_loop(store: Any) -> bool:
    """Whether the running event loop is the one in which this was first called for the store.

    The connections of an asynchronous client belong to the loop that opened them, and fail in every
    other loop. LlamaIndex starts a new loop in each `asyncio_run`; there the store is read in a
    thread instead.
    """
    loop, key = asyncio.get_running_loop(), id(store)
    known = _FIRST.get(key)
    if known is not None and known[0]() is store:
        return known[1]() is loop
    _FIRST[key] = ref(store, lambda _: _FIRST.pop(key, None)), ref(loop)
    return True
