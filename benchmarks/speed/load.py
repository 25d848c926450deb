"""A machine at work: a busy loop on each core while a benchmark runs beside it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# The loop ends by itself, too, once the benchmark is gone, however that ended.
LOOP = """
import os, sys
parent = int(sys.argv[1])
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {int(sys.argv[2])})
while os.getppid() == parent:
    for _ in range(1_000_000):
        pass
"""


def cores() -> list[int]:
    """Numbers of the cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


@contextmanager
def busy_cores() -> Iterator[None]:
    """A process on each core that computes without pause, ended with the block."""
    loops = [
        subprocess.Popen([sys.executable, "-S", "-c", LOOP, str(os.getpid()), str(core)])
        for core in cores()
    ]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
        for loop in loops:
            loop.wait()
