"""`Threads`: calls run beside each other, and one that hangs holds back nobody else's."""

from __future__ import annotations

import gc
import subprocess
import sys
import time
from contextvars import ContextVar
from threading import Event, current_thread
from typing import Any

import pytest

from sift_retrievers.threads import Threads, threads_of


class Owner:
    """A store or a model."""


def test_results_errors_and_context_come_through() -> None:
    threads, name = Threads(), ContextVar("name", default="nobody")
    name.set("somebody")
    assert threads.submit(name.get).result(5) == "somebody"
    assert threads.submit(divmod, 7, 2).result(5) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        threads.submit(divmod, 7, 0).result(5)
    assert threads.submit(lambda: current_thread().daemon).result(5)


def test_no_more_than_so_many_run_at_once_and_the_others_wait_for_their_turn() -> None:
    threads, go = Threads(size=3), Event()
    futures = [threads.submit(go.wait, 30) for _ in range(8)]
    time.sleep(0.1)
    assert sum(future.running() for future in futures) == 3
    assert futures[-1].cancel()
    go.set()
    assert all(future.result(5) for future in futures[:-1])


def test_an_idle_thread_is_used_again_and_ends() -> None:
    threads = Threads(idle_seconds=0.05)
    names = {threads.submit(lambda: current_thread().ident).result(5) for _ in range(20)}
    assert len(names) <= 2
    time.sleep(0.3)
    assert threads._threads == 0
    assert threads.submit(len, "abc").result(5) == 3


def test_each_owner_has_threads_of_its_own() -> None:
    one, other, go = Owner(), Owner(), Event()
    assert threads_of(one) is threads_of(one)
    assert threads_of(one) is not threads_of(other)
    hung = [threads_of(one).submit(go.wait, 30) for _ in range(80)]
    assert threads_of(other).submit(len, "abc").result(5) == 3
    go.set()
    assert all(future.result(5) for future in hung)


def test_an_owner_that_is_gone_leaves_nothing() -> None:
    from sift_retrievers import threads

    owner = Owner()
    threads_of(owner)
    assert id(owner) in threads._OF
    key = id(owner)
    del owner
    gc.collect()
    assert key not in threads._OF
    assert threads_of(5).submit(len, "abc").result(5) == 3  # nothing that can be referred to weakly


def test_the_threads_of_an_owner_that_is_gone_do_not_wait_for_more_calls() -> None:
    """A retriever that is made for one request leaves no thread behind."""
    owner, go = Owner(), Event()
    threads = threads_of(owner)
    running = threads.submit(go.wait, 30)
    threads.submit(len, "abc").result(5)  # its thread waits for a call
    del owner
    gc.collect()
    time.sleep(0.3)
    assert threads._threads == 1  # that of the call that runs
    go.set()
    assert running.result(5)
    time.sleep(0.3)
    assert threads._threads == 0


def test_calls_for_what_cannot_be_referred_to_leave_no_thread() -> None:
    threads = threads_of((1, 2))
    assert threads.submit(len, "abc").result(5) == 3
    time.sleep(0.3)
    assert threads._threads == 0


def test_a_call_that_hangs_does_not_keep_the_process() -> None:
    code = """
import threading
from sift_retrievers.threads import Threads
Threads().submit(threading.Event().wait)
print("done")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "done\n")


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="no fork here")
def test_a_forked_process_starts_threads_of_its_own() -> None:
    code = """
import os, sys
from sift_retrievers.threads import Threads
threads = Threads()
assert threads.submit(len, "abc").result(5) == 3
pid = os.fork()
if pid == 0:
    assert threads.submit(len, "abcd").result(5) == 4
    os._exit(7)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 7, done.stderr


@pytest.mark.parametrize("size", [0, -1, 1.5, "many", None])
def test_a_size_in_which_no_call_would_ever_run(size: Any) -> None:
    with pytest.raises(ValueError, match="size must be a whole number of at least 1"):
        Threads(size)
