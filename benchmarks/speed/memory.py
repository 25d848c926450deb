"""Memory that one call takes beside its candidates, as the operating system sees it.

    python benchmarks/speed/memory.py    # prints; Linux only

Every method is called in a process of its own, once on a few candidates, then once on K = 5,000,
N = 50, d = 1024: the highest resident memory of the second call, less what was resident before.
"""

from __future__ import annotations

import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.speed.methods import OURS, PEERS
from benchmarks.speed.pools import pools, query_of

COUNT, K, DIM = 5_000, 50, 1024


def resident(field: str) -> float:
    """MiB of this process: VmRSS now, or VmHWM, the highest since it was set back."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"/proc/self/status has no {field}")


def peak_of(name: str) -> float:
    """MiB; for a process of its own."""
    method = (OURS | PEERS)[name]
    small = pools(50, 16, 1)[0]
    pool = pools(COUNT, DIM, 1)[0]
    query = query_of(pool)
    with method.road():
        method.run(small[0], small, 5)
        Path("/proc/self/clear_refs").write_text("5")  # sets the highest back
        before = resident("VmRSS")
        method.run(query, pool, K)
    return max(0.0, resident("VmHWM") - before)


def table_of_memory() -> list[str]:
    lines = ["| method | MiB beside the candidates | of the candidates' size |", "|---|---|---|"]
    spawn = multiprocessing.get_context("spawn")
    for name in OURS | PEERS:
        with ProcessPoolExecutor(1, mp_context=spawn) as process:
            peak = process.submit(peak_of, name).result()
        lines.append(f"| {name} | {peak:.1f} | {peak / (4 * COUNT * DIM / 2**20):.2f} |")
    return lines


if __name__ == "__main__":
    print("\n".join(table_of_memory()))
