"""Jobs that are done once: a file of what came of them, and processes that do what is missing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TextIO, TypeVar

JobT = TypeVar("JobT")
ResultT = TypeVar("ResultT")


def never() -> bool:
    return False


def stored_rows(file: Path) -> Iterator[dict[str, Any]]:
    """The objects in a file of JSON lines; none if there is no file."""
    if not file.is_file():
        return
    for line in file.read_text(encoding="utf-8").splitlines():
        try:
            yield json.loads(line)
        except json.JSONDecodeError:
            continue  # empty, or broken off when a run was killed


def append_row(file: TextIO, row: Mapping[str, Any]) -> None:
    """Write one object to the end of a file of JSON lines, at once."""
    # The line break comes first: the last line may have been broken off.
    file.write("\n" + json.dumps(row))
    file.flush()


def in_processes(
    jobs: Sequence[JobT],
    do: Callable[[JobT], ResultT],
    *,
    workers: int,
    start: Callable[..., None],
    arguments: tuple[Any, ...],
    stop: Callable[[], bool] = never,
) -> Iterator[tuple[JobT, ResultT]]:
    """Do jobs in several processes; yields each with its result when it is done.

    Args:
        jobs: begun in their order.
        do: a function of a module, called with a job in one of the processes.
        workers: processes at a time.
        start: called once in each process, before its first job.
        arguments: of `start`.
        stop: asked before the first job and whenever a job is done; once it says True no further
            job is begun, and those that are being done are finished.

    Raises:
        Exception: what a job raised, or `BrokenProcessPool` if a process could not start.
    """
    if not jobs or stop():
        return
    with ProcessPoolExecutor(
        workers, mp_context=get_context("spawn"), initializer=start, initargs=arguments
    ) as pool:
        futures = {pool.submit(do, job): job for job in jobs}
        try:
            for future in as_completed(futures):
                if future.cancelled():
                    continue
                yield futures[future], future.result()
                if stop():
                    for waiting in futures:
                        waiting.cancel()
        except BaseException:
            pool.shutdown(cancel_futures=True)  # instead of hours of jobs that nobody waits for
            raise
