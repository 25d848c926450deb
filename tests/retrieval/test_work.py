"""`Work`: one coroutine serves a caller who waits and a caller on an event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from threading import Event, current_thread, main_thread
from types import coroutine
from typing import Any

import pytest

from sift_retrievers.retrieval.deadline import Deadline, checked_timeout
from sift_retrievers.retrieval.work import Direct, OnLoop, Work, finished, native


class Store:
    """Its search hangs until `go` is set."""

    def __init__(self) -> None:
        self.go = Event()

    def search(self, text: str) -> str:
        self.go.wait(30)
        return f"{text} found in {'main' if current_thread() is main_thread() else 'thread'}"

    async def asearch(self, text: str) -> str:
        await asyncio.sleep(0 if self.go.is_set() else 30)
        return f"{text} found on the loop"


async def ask(work: Work, store: Store, text: str, asynchronous: bool = False) -> str:
    twin = store.asearch if asynchronous else None
    return await work.call("fetch", store, store.search, text, native=twin)


def ready() -> Store:
    store = Store()
    store.go.set()
    return store


def test_direct_calls_where_it_stands_and_in_a_thread_where_time_is_limited() -> None:
    assert finished(ask(Direct(), ready(), "x", asynchronous=True)) == "x found in main"
    assert finished(ask(Direct(5), ready(), "x")) == "x found in thread"
    steps = [ask(Direct(), ready(), name) for name in "ab"]
    assert finished(Direct().together(steps)) == ["a found in main", "b found in main"]


async def test_on_a_loop_the_call_is_awaited_or_made_in_a_thread() -> None:
    assert await ask(OnLoop(), ready(), "x", asynchronous=True) == "x found on the loop"
    assert await ask(OnLoop(), ready(), "x") == "x found in thread"
    steps = [ask(OnLoop(), ready(), name) for name in "ab"]
    assert await OnLoop().together(steps) == ["a found in thread", "b found in thread"]


MESSAGE = r"did not end within its timeout of 0.3 seconds: .*stage 'fetch', waiting for Store"


def test_too_late() -> None:
    store = Store()
    with pytest.raises(TimeoutError, match=MESSAGE):
        finished(ask(Direct(0.3), store, "x"))
    store.go.set()


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_too_late_on_a_loop(asynchronous: bool) -> None:
    store = Store()
    with pytest.raises(TimeoutError, match=MESSAGE):
        await ask(OnLoop(0.3), store, "x", asynchronous)
    store.go.set()


async def test_the_time_is_that_of_all_calls_together() -> None:
    work = OnLoop(0.3)
    for _ in range(2):
        await work.call("embed", work, time.sleep, 0.1)
    with pytest.raises(TimeoutError, match=r"0\.3 seconds"):
        await work.call("fetch", work, time.sleep, 0.25)


async def test_several_retrievals_may_share_a_deadline() -> None:
    """And after it no call is made at all."""
    deadline, made = Deadline.of(0.1), list[str]()
    time.sleep(0.15)
    for work in (Direct(deadline), OnLoop(deadline)):
        with pytest.raises(TimeoutError, match=r"0.1 seconds.*'fetch', with no time left to call"):
            await work.call("fetch", deadline, made.append, "x")
    assert made == []
    assert Deadline.of(deadline) is deadline
    assert Deadline.of(None) is None


async def test_when_all_threads_of_a_store_hang_the_error_says_so() -> None:
    store = Store()
    hung = [asyncio.create_task(ask(OnLoop(), store, "x")) for _ in range(64)]
    await asyncio.sleep(0.2)
    with pytest.raises(TimeoutError, match=r"call Store .at most 64 at once"):
        await ask(OnLoop(0.05), store, "x")
    assert await ask(OnLoop(5), ready(), "y") == "y found in thread"
    store.go.set()
    assert len(await asyncio.gather(*hung)) == 64


@pytest.mark.parametrize("timeout", [None, 5])
async def test_a_timeout_of_the_store_itself_stays_what_it_is(timeout: float | None) -> None:
    def search() -> None:
        raise TimeoutError("the server said so")

    async def asearch() -> None:
        raise TimeoutError("the server said so")

    for twin in (None, asearch):
        with pytest.raises(TimeoutError, match="the server said so"):
            await OnLoop(timeout).call("fetch", search, search, native=twin)
    with pytest.raises(TimeoutError, match="the server said so"):
        finished(Direct(timeout).call("fetch", search, search))


async def test_a_cancelled_retrieval_ends_at_once() -> None:
    store = Store()
    task = asyncio.create_task(ask(OnLoop(), store, "x"))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    store.go.set()


@pytest.mark.filterwarnings("error")
async def test_one_of_several_steps_that_fails_fails_as_it_would_alone() -> None:
    def fails() -> str:
        raise KeyError("gone") from ValueError("why")

    def steps(work: Work) -> Any:
        store = ready()
        return [work.call("embed", store, fails), ask(work, store, "x")]

    with pytest.raises(KeyError, match="gone") as caught:
        finished(Direct().together(steps(Direct())))
    with pytest.raises(KeyError, match="gone") as caught_on_loop:
        await OnLoop().together(steps(OnLoop()))
    assert isinstance(caught.value.__cause__, ValueError)
    assert isinstance(caught_on_loop.value.__cause__, ValueError)


@pytest.mark.filterwarnings("error")
async def test_a_coroutine_function_in_place_of_a_function() -> None:
    store = ready()
    assert await OnLoop().call("fetch", store, store.asearch, "x") == "x found on the loop"
    for timeout in (None, 5):
        with pytest.raises(TypeError, match=r"'fetch' a function of Store returned a coroutine"):
            finished(Direct(timeout).call("fetch", store, store.asearch, "x"))


def test_a_coroutine_that_waits_has_no_result() -> None:
    @coroutine
    def waits() -> Any:
        yield "something"

    with pytest.raises(RuntimeError, match="waited for something"):
        finished(waits())


class Blocking:
    """Its asynchronous method makes the synchronous call on the loop."""

    async def aembed(self) -> int:
        return self.embed()

    def embed(self) -> int:
        return 1


class Native(Blocking):
    async def aembed(self) -> int:
        await asyncio.sleep(0)
        return 2


class Sub(Native):
    pass


class Streaming:
    async def aembed(self) -> int:
        async for value in some():
            return value
        return 0


async def some() -> Any:
    yield 1


@pytest.mark.parametrize(
    ("kind", "expected"),
    [(Blocking, False), (Native, True), (Sub, True), (Streaming, True), (object, False)],
)
def test_what_really_is_asynchronous(kind: Callable[[], Any], expected: bool) -> None:
    assert (native(kind(), "aembed") is not None) == expected


@pytest.mark.parametrize("wrong", [0, -1, "soon", float("nan"), float("inf"), [1]])
def test_timeouts_that_are_none(wrong: Any) -> None:
    with pytest.raises(ValueError, match="timeout must be"):
        checked_timeout(wrong)
    assert checked_timeout(None) is None
    assert checked_timeout(2) == 2.0


def ends_too_early() -> object:
    return next(iter([]))


@pytest.mark.parametrize("timeout", [None, 20])
async def test_a_call_that_raises_stop_iteration_hangs_nobody(timeout: float | None) -> None:
    waiting = OnLoop(timeout).call("fetch", "store", ends_too_early)
    with pytest.raises(RuntimeError, match="raised StopIteration"):
        await asyncio.wait_for(waiting, 10)
    with pytest.raises(RuntimeError, match="raised StopIteration"):
        finished(Direct(timeout).call("fetch", "store", ends_too_early))


@pytest.mark.parametrize("timeout", [1e10, 1e300])
async def test_a_timeout_of_centuries(timeout: float) -> None:
    assert finished(Direct(timeout).call("fetch", "store", len, "abc")) == 3
    assert await OnLoop(timeout).call("fetch", "store", len, "abc") == 3
