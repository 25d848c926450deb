"""Both roads, and processes that are ended if they hang."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sift_retrievers import acceleration

ROADS = ["compiled", "numpy"]


@pytest.fixture(params=ROADS)
def road(request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of the road on which everything in this process runs."""
    if request.param == "compiled":
        if acceleration.compiled() is None:
            pytest.skip("the extension is not built")
        yield "compiled"
        return
    with acceleration.switched_off():
        yield "numpy"


@pytest.fixture
def two_cores() -> Iterator[None]:
    """What this test starts shares two cores, however many there are."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(cores)[:2])
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


@pytest.fixture
def fresh(road: str) -> Callable[..., str]:
    """Runs a script of this folder in a process of its own, on the road; returns what it printed.

    A process that has not ended in time fails the test and is killed with all of its children.
    """

    def run(script: str, *arguments: str, seconds: float = 18) -> str:
        folder = Path(__file__).parent
        environment = os.environ | {"SIFT_RETRIEVERS_COMPILED": str(int(road == "compiled"))}
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", str(folder / script), *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            printed, said = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            printed, said = process.communicate()
            pytest.fail(f"{script} {arguments} hangs; it printed {printed!r} and said {said!r}")
        assert process.returncode == 0, said
        return printed

    return run
