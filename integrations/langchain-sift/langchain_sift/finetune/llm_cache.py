"""Switch LangChain's LLM caches off inside a session.

Tuned and base answers differ for one prompt; a cache keyed by prompt would mix them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock
from typing import Any

from langchain_core.caches import RETURN_VAL_TYPE, BaseCache
from langchain_core.globals import get_llm_cache, set_llm_cache
from langchain_core.language_models import BaseLanguageModel

_entered: ContextVar[frozenset[object]] = ContextVar("sift_llm_cache_off", default=frozenset())
_open: set[object] = set()
_lock = Lock()


def _bypassed() -> bool:
    """Whether the calling code runs inside an `llm_cache_off` block that has not ended."""
    return not _open.isdisjoint(_entered.get())


class _BypassedInSessions(BaseCache):
    """A cache that code inside a session neither reads nor writes; all other code uses it."""

    def __init__(self, cache: BaseCache) -> None:
        self.cache = cache

    def lookup(self, prompt: str, llm_string: str) -> RETURN_VAL_TYPE | None:
        return None if _bypassed() else self.cache.lookup(prompt, llm_string)

    async def alookup(self, prompt: str, llm_string: str) -> RETURN_VAL_TYPE | None:
        return None if _bypassed() else await self.cache.alookup(prompt, llm_string)

    def update(self, prompt: str, llm_string: str, return_val: RETURN_VAL_TYPE) -> None:
        if not _bypassed():
            self.cache.update(prompt, llm_string, return_val)

    async def aupdate(self, prompt: str, llm_string: str, return_val: RETURN_VAL_TYPE) -> None:
        if not _bypassed():
            await self.cache.aupdate(prompt, llm_string, return_val)

    def clear(self, **kwargs: Any) -> None:
        self.cache.clear(**kwargs)

    async def aclear(self, **kwargs: Any) -> None:
        await self.cache.aclear(**kwargs)


@contextmanager
def llm_cache_off(llms: Sequence[BaseLanguageModel[Any]]) -> Iterator[None]:
    """Inside, code of this context neither reads nor writes the global LLM cache.

    Args:
        llms: models whose own `cache` is switched off as well. The caller must hold the lock of
            their transformers model, because other code would see their `cache` changed.
    """
    own = [(llm, llm.cache) for llm in llms if isinstance(llm.cache, BaseCache)]
    block = object()
    # Not reset at the end, because a stream may end in another context; `_open` ends the block.
    _entered.set(_entered.get() | {block})
    with _lock:
        _open.add(block)
        cache = get_llm_cache()
        if cache is not None and not isinstance(cache, _BypassedInSessions):
            set_llm_cache(_BypassedInSessions(cache))
    try:
        for llm, _ in own:
            llm.cache = False
        yield
    finally:
        for llm, original in own:
            llm.cache = original
        with _lock:
            _open.discard(block)
            cache = get_llm_cache()
            if not _open and isinstance(cache, _BypassedInSessions):
                set_llm_cache(cache.cache)
