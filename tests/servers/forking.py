"""A server that loads and uses everything, then forks its workers, as gunicorn's preload does.

    python forking.py {os.fork,multiprocessing,busy} {select,InMemory,FAISS,LlamaIndex}

Prints how many workers found what the server had found. "busy": other threads of the server are at
work while it forks.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from collections.abc import Callable

from server_work import selection, selections, together

WORKERS = 4


def job(what: str) -> tuple[Callable[[], object], Callable[[int], object]]:
    """All of the work, and the part of it with a number."""
    if what == "select":
        return selections, selection
    from server_stores import RETRIEVERS, retrieval, retrievals

    retriever = RETRIEVERS[what]()
    return (lambda: retrievals(retriever)), (lambda number: retrieval(retriever, number))


def worker(what: Callable[[], object], part: Callable[[int], object], expected: object) -> int:
    """0 if a worker finds the same, in its first thread and in others."""
    alone = what() == expected
    threaded = together(4, part, 8, 15)
    return 0 if alone and threaded == [part(number) for number in range(8)] else 1


def forked(run: Callable[[], int]) -> list[int]:
    """Exit codes of workers."""
    children = []
    for _ in range(WORKERS):
        child = os.fork()
        if child == 0:
            code = 2
            try:
                code = run()
            finally:
                os._exit(code)
        children.append(child)
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


def by_multiprocessing(run: Callable[[], int]) -> list[int | None]:
    """The same by a library."""
    fork = multiprocessing.get_context("fork")
    children = [fork.Process(target=lambda: sys.exit(run())) for _ in range(WORKERS)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    return [child.exitcode for child in children]


def while_busy(run: Callable[[], int], part: Callable[[int], object]) -> list[int]:
    """Forked while three threads are in the middle of something."""
    ended = threading.Event()

    def work() -> None:
        number = 0
        while not ended.is_set():
            part(number % 8)
            number += 1

    threads = [threading.Thread(target=work, daemon=True) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        return [code for _ in range(5) for code in forked(run)]
    finally:
        ended.set()
        for thread in threads:  # which an end of the process amid their work would abort
            thread.join()


def main() -> None:
    how, what = sys.argv[1:]
    work, part = job(what)
    expected = work()

    def run() -> int:
        return worker(work, part, expected)

    codes: list[int] | list[int | None]
    if how == "busy":
        codes = while_busy(lambda: 0 if work() == expected else 1, part)
    else:
        codes = forked(run) if how == "os.fork" else by_multiprocessing(run)
    print(f"{codes.count(0)} of {len(codes)}; {codes}")


if __name__ == "__main__":
    main()
