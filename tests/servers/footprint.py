"""How many threads a process has, and whether torch is loaded: numpy alone, then with SIFT.

python footprint.py {select,InMemory}
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np


def threads() -> int:
    """Of the operating system, in this process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("Threads"):
            return int(line.split()[1])
    raise RuntimeError("/proc/self/status has no line of threads")


def main() -> None:
    some = np.random.default_rng(0).normal(size=(2000, 384)).astype(np.float32)
    some @ some.T  # the pool of the BLAS is started, where it has one
    before = threads()
    if sys.argv[1] == "select":
        from server_work import RULES

        from sift_retrievers import select

        for options in RULES.values():
            select(some[0], some, 50, **options)
            select(some[:64], some, 10, **options)
            ids = np.arange(64 * 20).reshape(64, 20)
            select(some[:64], some, 10, ids=ids, **options)
    else:
        from server_stores import in_memory, retrievals

        from langchain_sift import SIFTRetriever

        retrievals(SIFTRetriever(in_memory(), k=6))
    heavy = [name for name in ("torch", "numba", "transformers") if name in sys.modules]
    print(json.dumps({"before": before, "after": threads(), "heavy": heavy}))


if __name__ == "__main__":
    main()
