"""LangChain's LLM caches are off inside a session and on outside."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.globals import get_llm_cache, set_llm_cache
from tiny_chain import QUESTIONS
from tuned_chain import Bench

from langchain_sift.finetune import wrap


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_the_llm_caches_are_off_inside_a_request_and_on_outside(bench: Bench) -> None:
    cache, other = InMemoryCache(), InMemoryCache()
    expected = bench.alone(QUESTIONS[0])
    try:
        set_llm_cache(cache)
        base = bench.base.invoke(QUESTIONS[0])
        assert len(cache._cache) == 1
        assert bench.tuned.invoke(QUESTIONS[0]) == expected != base
        assert "".join(bench.tuned.stream(QUESTIONS[0])) == expected
        assert len(cache._cache) == 1
        assert get_llm_cache() is cache
        untuned = wrap(bench.tuner, bench.chain, tuned=False)
        assert untuned.invoke(QUESTIONS[0]) == base
    finally:
        set_llm_cache(None)
    bench.llm.cache = other
    assert bench.base.invoke(QUESTIONS[0]) == base
    assert len(other._cache) == 1
    assert bench.tuned.invoke(QUESTIONS[0]) == expected
    assert (len(other._cache), bench.llm.cache) == (1, other)


def test_code_outside_the_session_uses_the_cache_meanwhile(bench: Bench) -> None:
    cache = InMemoryCache()
    seen: list[Any] = []

    def elsewhere(text: str) -> str:
        thread = threading.Thread(target=lambda: get_llm_cache().update("p", "llm", [text]))  # type: ignore[union-attr,list-item]
        thread.start()
        thread.join()
        seen.append(get_llm_cache().lookup("p", "llm"))  # type: ignore[union-attr]
        return text

    try:
        set_llm_cache(cache)
        wrap(bench.tuner, bench.chain | elsewhere).invoke(QUESTIONS[0])
    finally:
        set_llm_cache(None)
    assert seen == [None]
    assert cache.lookup("p", "llm") is not None
