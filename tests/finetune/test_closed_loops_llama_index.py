"""LlamaIndex: streams whose event loop closes before they end give the model back."""

from __future__ import annotations

import asyncio
import gc
import time
from typing import Any

import pytest
from test_llama_index_wrap import Bench
from tiny_chain import QUESTIONS


def wait_until_free(bench: Bench) -> None:
    gc.collect()
    end = time.monotonic() + 30
    while bench.tuner._lock.held:
        assert time.monotonic() < end, "the model is still held"
        time.sleep(0.01)
    bench.state.check()


async def ask(bench: Bench, kept: list[Any], read: int) -> None:
    response: Any = await bench.tuned.aquery(QUESTIONS[0])
    for _ in range(read):
        await anext(response.response_gen)
    kept.append(response)


@pytest.mark.parametrize("read", [0, 1])
def test_asyncio_run_that_leaves_a_stream_open(read: int) -> None:
    bench = Bench(streaming=True, new_tokens=60)
    kept: list[Any] = []
    asyncio.run(ask(bench, kept, read))
    assert kept
    if not read:  # asyncio knows of a generator once it was started
        kept.clear()
    wait_until_free(bench)
    assert str(bench.tuned.query(QUESTIONS[0])) == bench.alone(QUESTIONS[0])


@pytest.mark.parametrize("read", [0, 1])
@pytest.mark.parametrize("keep", [True, False])
def test_a_loop_that_is_closed_before_its_stream(keep: bool, read: int) -> None:
    bench = Bench(streaming=True, new_tokens=60)
    kept: list[Any] = []
    loop = asyncio.new_event_loop()
    loop.run_until_complete(ask(bench, kept, read))
    loop.close()
    if not keep:
        kept.clear()
        wait_until_free(bench)
    assert str(bench.tuned.query(QUESTIONS[0])) == bench.alone(QUESTIONS[0])
    wait_until_free(bench)
    kept.clear()
    wait_until_free(bench)


def test_a_synchronous_stream_of_an_asynchronous_query_outlives_the_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench(streaming=True)
    expected = bench.alone(QUESTIONS[0])

    async def answers_synchronously(query: Any) -> Any:
        return bench.engine.query(query)

    monkeypatch.setattr(bench.engine, "aquery", answers_synchronously)
    kept: list[Any] = []
    asyncio.run(ask(bench, kept, 0))
    assert bench.tuner._lock.held
    assert "".join(kept[0].response_gen) == expected
    wait_until_free(bench)
    kept.clear()
    asyncio.run(ask(bench, kept, 0))
    assert bench.tuner._lock.held
    kept.clear()  # dropped unread
    wait_until_free(bench)
