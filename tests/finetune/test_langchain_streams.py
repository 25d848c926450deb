"""Streams of a wrapped chain, read to their end, dropped and cancelled."""

from __future__ import annotations

import asyncio
import gc
import threading

import pytest
from langchain_core.runnables import RunnableLambda
from tiny_chain import QUESTIONS
from tuned_chain import Bench

from sift_retrievers.finetune import Budget, NoRequestError


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_streams_give_the_same(bench: Bench) -> None:
    expected = bench.alone(QUESTIONS[0])
    assert "".join(bench.tuned.stream(QUESTIONS[0])) == expected
    bench.state.check()
    chunks = [chunk async for chunk in bench.tuned.astream(QUESTIONS[0])]
    assert "".join(chunks) == expected
    assert len(chunks) > 1
    bench.state.check()
    upper = bench.tuned | RunnableLambda(str.upper)
    assert "".join(upper.stream(QUESTIONS[0])) == expected.upper()
    events = [e async for e in bench.tuned.astream_events(QUESTIONS[0], version="v2")]
    assert any(event["name"] == "sift_fine_tune" for event in events)
    bench.state.check()


def test_the_reader_of_a_stream_is_not_inside_its_session() -> None:
    bench = Bench(new_tokens=8)
    expected = bench.alone(QUESTIONS[1])
    chunks = bench.tuned.stream(QUESTIONS[1])
    got = [next(chunks)]
    assert bench.tuner._lock.held
    with pytest.raises(NoRequestError):
        bench.tuner.current_session()
    got += chunks
    assert "".join(got) == expected
    bench.state.check()


@pytest.mark.parametrize("how", ["close", "drop", "raise"])
def test_a_stream_dropped_half_way_waits_for_its_generation(how: str) -> None:
    bench = Bench(new_tokens=60)
    running = threading.active_count()
    chunks = bench.tuned.stream(QUESTIONS[0])
    next(chunks)
    assert threading.active_count() > running  # HuggingFacePipeline generates in its own thread
    if how == "close":
        chunks.close()  # type: ignore[attr-defined]
    elif how == "raise":
        with pytest.raises(KeyboardInterrupt):
            chunks.throw(KeyboardInterrupt())  # type: ignore[attr-defined]
    del chunks
    gc.collect()
    assert bench.tuned.tuner._lock.held is False
    bench.state.check()
    assert bench.tuned.invoke(QUESTIONS[0]) == bench.alone(QUESTIONS[0])


async def test_an_asynchronous_stream_dropped_half_way() -> None:
    bench = Bench(new_tokens=60)
    chunks = bench.tuned.astream(QUESTIONS[0])
    await anext(chunks)
    await chunks.aclose()  # type: ignore[attr-defined]
    bench.state.check()
    chunks = bench.tuned.astream(QUESTIONS[0])
    await anext(chunks)
    del chunks  # asyncio closes it
    gc.collect()
    async with asyncio.timeout(30):
        while bench.tuner._lock.held:
            await asyncio.sleep(0.01)
    bench.state.check()


@pytest.mark.parametrize("seconds", [0.01, 0.1, 0.3])
async def test_cancellation(seconds: float) -> None:
    bench = Bench(new_tokens=1500, budget=Budget(max_steps=40))
    task = asyncio.ensure_future(bench.tuned.ainvoke(QUESTIONS[0]))
    await asyncio.sleep(seconds)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    bench.state.check()
