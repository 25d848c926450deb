"""Work that is done by a spawned process."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from sift_retrievers import acceleration

SECONDS = 18


def without(task: Any, *arguments: Any) -> Any:
    """In a worker: on the road of numpy alone."""
    with acceleration.switched_off():
        return task(*arguments)


def in_spawned(road: str, task: Any, *arguments: Any) -> Any:
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as worker:
        if road == "numpy":
            return worker.submit(without, task, *arguments).result(SECONDS)
        return worker.submit(task, *arguments).result(SECONDS)
