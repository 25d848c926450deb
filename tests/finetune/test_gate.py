"""`Gate`: one at a time, first come first served, threads and coroutines in one queue."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from sift_retrievers.finetune.gate import Gate, QueueTimeoutError


def test_one_at_a_time_and_in_order() -> None:
    gate, order, inside = Gate(), [], []
    gate.acquire()

    def work(i: int) -> None:
        gate.acquire()
        inside.append(i)
        assert len(inside) == 1
        order.append(i)
        time.sleep(0.001)
        inside.remove(i)
        gate.release()

    threads = []
    for i in range(20):
        threads.append(threading.Thread(target=work, args=(i,)))
        threads[-1].start()
        while len(gate._waiting) <= i:
            time.sleep(0.0005)
    gate.release()
    for thread in threads:
        thread.join()
    assert order == [*range(20)]
    assert not gate.held


async def test_threads_and_coroutines_in_one_queue() -> None:
    gate, order = Gate(), []
    gate.acquire()

    async def coroutine(i: int) -> None:
        await gate.acquire_async()
        order.append(i)
        gate.release()

    def thread(i: int) -> None:
        gate.acquire()
        order.append(i)
        gate.release()

    waiting = []
    for i in range(10):
        work = coroutine(i) if i % 2 else asyncio.to_thread(thread, i)
        waiting.append(asyncio.ensure_future(work))
        while len(gate._waiting) <= i:
            await asyncio.sleep(0.001)
    gate.release()
    await asyncio.gather(*waiting)
    assert order == [*range(10)]
    assert not gate.held


def test_another_thread_may_release() -> None:
    gate = Gate()
    gate.acquire()
    thread = threading.Thread(target=gate.release)
    thread.start()
    thread.join()
    gate.acquire(timeout=1)


async def test_a_timeout_leaves_the_queue() -> None:
    gate = Gate()
    gate.acquire()
    with pytest.raises(QueueTimeoutError, match=r"busy with other requests for 0\.01 s"):
        gate.acquire(timeout=0.01)
    with pytest.raises(QueueTimeoutError):
        await gate.acquire_async(timeout=0.01)
    assert not gate._waiting
    gate.release()
    assert not gate.held
    await gate.acquire_async(timeout=0.01)


async def test_a_cancelled_waiter_leaves_the_queue() -> None:
    gate = Gate()
    gate.acquire()
    waiter = asyncio.ensure_future(gate.acquire_async())
    await asyncio.sleep(0.01)
    waiter.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiter
    gate.release()
    assert not gate.held


async def test_a_turn_that_comes_while_its_owner_gives_up_is_passed_on() -> None:
    for _ in range(200):
        gate = Gate()
        gate.acquire()
        first = asyncio.ensure_future(gate.acquire_async())
        second = asyncio.ensure_future(gate.acquire_async())
        await asyncio.sleep(0)
        gate.release()
        first.cancel()  # its turn has just come
        done = await asyncio.gather(first, return_exceptions=True)
        if done == [None]:
            gate.release()
        await asyncio.wait_for(second, 1)
        gate.release()
        assert not gate.held


def test_releasing_what_nobody_holds() -> None:
    with pytest.raises(RuntimeError, match="nobody holds"):
        Gate().release()
