"""Streams and requests whose event loop closes before they end give the model back."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable
from typing import Any

import pytest
from tiny_chain import QUESTIONS
from tiny_models import PASSAGES, QUERY
from tuned_chain import Bench

from sift_retrievers.finetune import Budget


def wait_until_free(bench: Bench) -> None:
    """Wait for the thread that ends an abandoned request."""
    gc.collect()
    end = time.monotonic() + 30
    while bench.tuner._lock.held:
        assert time.monotonic() < end, "the model is still held"
        time.sleep(0.01)
    bench.state.check()


async def first_chunk(bench: Bench, kept: list[Any]) -> None:
    chunks = bench.tuned.astream(QUESTIONS[0])
    await anext(chunks)
    kept.append(chunks)


@pytest.mark.parametrize("keep", [True, False])
def test_asyncio_run_that_leaves_a_stream_open(
    keep: bool, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench(new_tokens=60)
    kept: list[Any] = []
    asyncio.run(first_chunk(bench, kept))
    if not keep:
        kept.clear()
    wait_until_free(bench)
    assert [record.message for record in caplog.records] == []
    assert bench.tuned.invoke(QUESTIONS[0]) == bench.alone(QUESTIONS[0])


def test_a_stream_that_is_dropped_after_its_loop_was_closed() -> None:
    bench = Bench(new_tokens=60)
    kept: list[Any] = []
    loop = asyncio.new_event_loop()
    loop.run_until_complete(first_chunk(bench, kept))
    loop.close()
    kept.clear()
    wait_until_free(bench)
    assert bench.tuned.invoke(QUESTIONS[0]) == bench.alone(QUESTIONS[0])


def test_a_stream_that_is_kept_after_its_loop_was_closed() -> None:
    bench = Bench(new_tokens=60, queue_timeout=30.0)
    kept: list[Any] = []
    loop = asyncio.new_event_loop()
    loop.run_until_complete(first_chunk(bench, kept))
    loop.close()
    # The next request notices that nobody can read the stream any more.
    answer = bench.tuned.invoke(QUESTIONS[0])
    assert answer == bench.alone(QUESTIONS[0])
    assert asyncio.run(bench.tuned.ainvoke(QUESTIONS[0])) == answer
    wait_until_free(bench)

    async def read_on() -> None:
        async for _ in kept[0]:
            pass

    with pytest.raises(RuntimeError, match="its event loop was closed"):
        asyncio.run(read_on())
    bench.state.check()


STAGES: dict[str, Callable[[Bench], Any]] = {
    "training": lambda bench: bench.tuner.asession(QUERY, PASSAGES * 40),
    "answering": lambda bench: bench.tuner.asession(QUERY, PASSAGES[:1]),
}


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_task_whose_loop_is_closed(stage: str, keep: bool) -> None:
    bench = Bench(budget=Budget(max_steps=None), queue_timeout=30.0)

    async def ask() -> None:
        async with STAGES[stage](bench):
            await asyncio.sleep(60)

    loop = asyncio.new_event_loop()
    tasks = [loop.create_task(ask())]
    loop.run_until_complete(asyncio.sleep(0.3))
    assert bench.tuner._lock.held
    loop.close()
    if not keep:
        tasks.clear()
        wait_until_free(bench)
    assert bench.tuned.invoke(QUESTIONS[0]) == bench.alone(QUESTIONS[0])
    wait_until_free(bench)
    tasks.clear()
    gc.collect()
    bench.state.check()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_waiting_task_whose_loop_is_closed_is_passed_over() -> None:
    bench = Bench(queue_timeout=30.0)

    async def ask() -> None:
        async with bench.tuner.asession(QUERY, PASSAGES[:1]):
            raise AssertionError("not reached")

    loop = asyncio.new_event_loop()
    with bench.tuner.request():
        task = loop.create_task(ask())
        loop.run_until_complete(asyncio.sleep(0.05))
        loop.close()
    assert bench.tuned.invoke(QUESTIONS[0])
    bench.state.check()
    del task
    gc.collect()
    bench.state.check()


def test_a_stream_in_a_cycle_is_ended_by_the_garbage_collector() -> None:
    bench = Bench(new_tokens=60)
    chunks = bench.tuned.stream(QUESTIONS[0])
    next(chunks)
    cycle: list[Any] = [chunks]
    cycle.append(cycle)
    del chunks, cycle
    wait_until_free(bench)


@pytest.mark.parametrize("how", ["thread", "coroutine"])
def test_a_waiting_request_looks_for_streams_in_cycles(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sift_retrievers.finetune.model_lock.COLLECT_SECONDS", 0.1)
    bench = Bench(queue_timeout=30.0)
    expected = bench.alone(QUESTIONS[1])
    chunks = bench.tuned.stream(QUESTIONS[0])
    next(chunks)
    cycle: list[Any] = [chunks]
    cycle.append(cycle)
    gc.disable()
    try:
        del chunks, cycle
        assert bench.tuner._lock.held
        if how == "thread":
            assert bench.tuned.invoke(QUESTIONS[1]) == expected
        else:
            assert asyncio.run(bench.tuned.ainvoke(QUESTIONS[1])) == expected
    finally:
        gc.enable()
    bench.state.check()
