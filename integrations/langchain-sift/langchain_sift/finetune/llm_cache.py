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

_bypassed: ContextVar[bool] = ContextVar("sift_llm_cache_bypassed", default=False)


class _BypassedInRequests(BaseCache):
    """Hides a cache from the requests of tuners, and from nobody else."""

    def __init__(self, cache: BaseCache) -> None:
        self.cache = cache

    def lookup(self, prompt: str, llm_string: str) -> RETURN_VAL_TYPE | None:
        return None if _bypassed.get() else self.cache.lookup(prompt, llm_string)

    async def alookup(self, prompt: str, llm_string: str) -> RETURN_VAL_TYPE | None:
        return None if _bypassed.get() else await self.cache.alookup(prompt, llm_string)

    def update(self, prompt: str, llm_string: str, return_val: RETURN_VAL_TYPE) -> None:
        if not _bypassed.get():
            self.cache.update(prompt, llm_string, return_val)

    async def aupdate(self, prompt: str, llm_string: str, return_val: RETURN_VAL_TYPE) -> None:
        if not _bypassed.get():
            await self.cache.aupdate(prompt, llm_string, return_val)

    def clear(self, **kwargs: Any) -> None:
        self.cache.clear(**kwargs)

    async def aclear(self, **kwargs: Any) -> None:
        await self.cache.aclear(**kwargs)


_requests = 0
_lock = Lock()


@contextmanager
def llm_cache_off(llms: Sequence[BaseLanguageModel[Any]]) -> Iterator[None]:
    """Inside, the code of this context neither reads nor writes the global LLM cache.

    Args:
        llms: models whose own `cache` is off meanwhile, too. They are used by one request at a
            time: the one that has the transformers model.
    """
    own = [(llm, llm.cache) for llm in llms if isinstance(llm.cache, BaseCache)]
    before = _bypassed.get()
    _hide()
    _bypassed.set(True)
    try:
        for llm, _ in own:
            llm.cache = False
        yield
    finally:
        for llm, cache in own:
            llm.cache = cache
        _bypassed.set(before)  # not by a token: a stream may end in another context
        _show()


def _hide() -> None:
    global _requests
    with _lock:
        _requests += 1
        cache = get_llm_cache()
        if cache is not None and not isinstance(cache, _BypassedInRequests):
            set_llm_cache(_BypassedInRequests(cache))


def _show() -> None:
    global _requests
    with _lock:
        _requests -= 1
        cache = get_llm_cache()
        if _requests == 0 and isinstance(cache, _BypassedInRequests):
            set_llm_cache(cache.cache)
