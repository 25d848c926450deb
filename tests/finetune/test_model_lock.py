"""`ModelLock`: one at a time, in order of arrival, threads and coroutines in one queue."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from sift_retrievers.finetune import QueueTimeoutError
from sift_retrievers.finetune.model_lock import ModelLock


def test_one_at_a_time_and_in_order() -> None:
    lock, order, inside = ModelLock(), [], []
    first = lock.acquire()

    def work(i: int) -> None:
        turn = lock.acquire()
        inside.append(i)
        assert len(inside) == 1
        order.append(i)
        time.sleep(0.001)
        inside.remove(i)
        lock.release(turn)

    threads = []
    for i in range(20):
        threads.append(threading.Thread(target=work, args=(i,)))
        threads[-1].start()
        while len(lock._queue) <= i:
            time.sleep(0.0005)
    lock.release(first)
    for thread in threads:
        thread.join()
    assert order == [*range(20)]
    assert not lock.held


async def test_threads_and_coroutines_in_one_queue() -> None:
    lock, order = ModelLock(), []
    first = lock.acquire()

    async def coroutine(i: int) -> None:
        turn = await lock.acquire_async()
        order.append(i)
        lock.release(turn)

    def thread(i: int) -> None:
        turn = lock.acquire()
        order.append(i)
        lock.release(turn)

    waiting = []
    for i in range(10):
        work = coroutine(i) if i % 2 else asyncio.to_thread(thread, i)
        waiting.append(asyncio.ensure_future(work))
        while len(lock._queue) <= i:
            await asyncio.sleep(0.001)
    lock.release(first)
    await asyncio.gather(*waiting)
    assert order == [*range(10)]
    assert not lock.held


def test_another_thread_may_release() -> None:
    lock = ModelLock()
    turn = lock.acquire()
    thread = threading.Thread(target=lock.release, args=(turn,))
    thread.start()
    thread.join()
    lock.acquire(timeout=1)


async def test_a_timeout_leaves_the_queue() -> None:
    lock = ModelLock()
    turn = lock.acquire()
    with pytest.raises(QueueTimeoutError, match=r"busy with other requests for 0\.01 s"):
        lock.acquire(timeout=0.01)
    with pytest.raises(QueueTimeoutError):
        await lock.acquire_async(timeout=0.01)
    assert not lock._queue
    lock.release(turn)
    assert not lock.held
    await lock.acquire_async(timeout=0.01)


async def test_a_cancelled_waiter_leaves_the_queue() -> None:
    lock = ModelLock()
    turn = lock.acquire()
    waiter = asyncio.ensure_future(lock.acquire_async())
    await asyncio.sleep(0.01)
    waiter.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiter
    lock.release(turn)
    assert not lock.held


async def test_a_turn_that_comes_while_its_owner_gives_up_is_passed_on() -> None:
    for _ in range(200):
        lock = ModelLock()
        turn = lock.acquire()
        first = asyncio.ensure_future(lock.acquire_async())
        second = asyncio.ensure_future(lock.acquire_async())
        await asyncio.sleep(0)
        lock.release(turn)
        first.cancel()  # its turn has just come
        (done,) = await asyncio.gather(first, return_exceptions=True)
        if not isinstance(done, BaseException):
            lock.release(done)
        lock.release(await asyncio.wait_for(second, 1))
        assert not lock.held


def test_releasing_what_nobody_holds() -> None:
    lock = ModelLock()
    turn = lock.acquire()
    lock.release(turn)
    with pytest.raises(RuntimeError, match="is not held"):
        lock.release(turn)
