"""LangChain's LLM caches, off inside a request.

An answer of the tuned model is no answer of the model, and the other way round; a cache that knows
prompts alone would mix them up.
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

_requests: ContextVar[frozenset[object]] = ContextVar("sift_requests", default=frozenset())
_open: set[object] = set()
_lock = Lock()


def _bypassed() -> bool:
    """Whether the calling code is inside a request that is still open."""
    return not _open.isdisjoint(_requests.get())


class _BypassedInRequests(BaseCache):
    """Hides a cache from the requests of tuners, and from nobody else."""

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
    """Inside, the code of this context neither reads nor writes the global LLM cache.

    Args:
        llms: models whose own `cache` is off meanwhile, too. The caller has their transformers
            model to itself, so that nobody else sees it.
    """
    own = [(llm, llm.cache) for llm in llms if isinstance(llm.cache, BaseCache)]
    request = object()
    _requests.set(_requests.get() | {request})  # a stream may end in a context without it
    with _lock:
        _open.add(request)
        cache = get_llm_cache()
        if cache is not None and not isinstance(cache, _BypassedInRequests):
            set_llm_cache(_BypassedInRequests(cache))
    try:
        for llm, _ in own:
            llm.cache = False
        yield
    finally:
        for llm, kept in own:
            llm.cache = kept
        with _lock:
            _open.discard(request)
            cache = get_llm_cache()
            if not _open and isinstance(cache, _BypassedInRequests):
                set_llm_cache(cache.cache)
