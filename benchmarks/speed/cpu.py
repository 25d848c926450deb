"""Time and memory of selection on a CPU, against other selectors in the same process.

    make bench          # about 6 minutes; writes benchmarks/speed/results/cpu.md and cpu.png
    python benchmarks/speed/cpu.py --quick    # a few sizes, prints only

Methods take turns on the same data, so that a noisy machine is noisy for all. Quoted are medians
and ratios. Vectors are random, of unit length, float32 arrays for every method, and eight pools
take turns, so that none of them finds its pool in the cache. A method that takes more than a second
is run once; one that took more than three is not run on larger pools of that k and d.
"""

from __future__ import annotations

import argparse
import math
import os
import platform
import statistics
import time
import tracemalloc
from datetime import date
from itertools import product
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.progress import track
from threadpoolctl import threadpool_limits

from sift_retrievers import select

from peers import METHODS, Vectors

RESULTS = Path(__file__).parent / "results"
TOO_SLOW = 3.0  # seconds: not run on larger pools
ONCE = 1.0  # seconds: run once
OURS = "SIFT compiled"
Key = tuple[int, int, int]
Times = dict[str, float]


def pools(count: int, dim: int, number: int) -> list[Vectors]:
    random = np.random.default_rng(0)
    made = [random.normal(size=(count, dim)).astype(np.float32) for _ in range(number)]
    return [pool / np.linalg.norm(pool, axis=1, keepdims=True) for pool in made]


def medians(count: int, k: int, dim: int, repeats: int, skip: set[str]) -> Times:
    """Median seconds of every method, methods alternating; nan where it was not run."""
    some = pools(count, dim, 8)
    times: dict[str, list[float]] = {name: [] for name in METHODS if name not in skip}
    slow: set[str] = set()
    for repeat in range(repeats):
        names = list(times)
        start_at = repeat % len(names)  # nobody always follows the same neighbour
        for name in names[start_at:] + names[:start_at]:
            if name in slow:
                continue
            # A turn is two calls, the second timed: what the method before left behind is not ours.
            for turn in (0, 1):
                pool = some[(2 * repeat + turn) % len(some)]
                query = pool[:5].mean(axis=0)
                start = time.perf_counter()
                METHODS[name](query, pool, k)
                elapsed = time.perf_counter() - start
                if elapsed > ONCE:
                    break
            times[name].append(elapsed)
            if elapsed > ONCE or (elapsed > 0.1 and len(times[name]) >= 3):
                slow.add(name)
    return {n: statistics.median(times[n]) if n in times else math.nan for n in METHODS}


def one_query(sizes: list[Key], repeats: int, console: Console) -> dict[Key, Times]:
    found: dict[Key, Times] = {}
    too_slow: dict[tuple[int, int], set[str]] = {}
    for count, k, dim in track(sizes, description="one query", console=console, transient=True):
        skip = too_slow.setdefault((k, dim), set())
        measured = medians(count, k, dim, repeats, skip)
        skip |= {name for name, seconds in measured.items() if seconds > TOO_SLOW}
        found[count, k, dim] = measured
    return found


def batches(console: Console) -> list[str]:
    """Seconds a query in a batch that shares one pool, against the same queries one at a time."""
    lines = ["| K | N | d | B | in a batch, ms a query | one at a time | ratio |", "|" + "---|" * 7]
    sizes = list(product((50, 200, 1000, 5000), (10,), (384, 1024), (1, 64, 1024)))
    for count, k, dim, batch in track(sizes, "batches", console=console, transient=True):
        matrix = pools(4 * count, dim, 1)[0]
        random = np.random.default_rng(1)
        ids = np.stack([random.permutation(len(matrix))[:count] for _ in range(batch)])
        queries = matrix[ids[:, :5]].mean(axis=1)
        together, alone = [], []
        for _ in range(3 if batch * count > 50_000 else 15):
            start = time.perf_counter()
            select(queries, matrix, k, ids=ids)
            middle = time.perf_counter()
            for b in range(batch):
                select(queries[b], matrix[ids[b]], k)
            together.append((middle - start) / batch)
            alone.append((time.perf_counter() - middle) / batch)
        a, b_ = statistics.median(together) * 1e3, statistics.median(alone) * 1e3
        lines.append(f"| {count} | {k} | {dim} | {batch} | {a:.3f} | {b_:.3f} | {a / b_:.2f} |")
    return lines


def memory() -> list[str]:
    """Peak of what a call allocates, as tracemalloc sees it; numba's arrays are counted by hand."""
    count, k, dim = 1000, 50, 1024
    pool = pools(count, dim, 1)[0]
    query = pool[:5].mean(axis=0)
    lines = ["| method | peak, MiB | of the candidates |", "|---|---|---|"]
    for name, method in METHODS.items():
        method(query, pool, k)
        tracemalloc.start()
        method(query, pool, k)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        if name == OURS:
            peak += 4 * count * (k + 4 * k + 6)  # rows, rows computed ahead, c, v, score, …
        lines.append(f"| {name} | {peak / 2**20:.2f} | {peak / pool.nbytes:.2f} |")
    return lines


def roofline() -> list[str]:
    """Bytes a call must read, and the share reached of what one thread reads in a dot product."""
    lines = ["| K | N | d | MB read | ms | GB/s | GFLOP/s | share of one thread's dot product |"]
    lines.append("|" + "---|" * 8)
    for count, k, dim in ((200, 10, 1024), (1000, 50, 1024), (5000, 50, 1024)):
        some = pools(count, dim, 8)
        read = 4 * count * dim * (k + 2)  # finite and length, target, then a pass a pick but one
        ours, ceiling = [], []
        for repeat in range(17):
            pool = some[repeat % 8]
            query = pool[:5].mean(axis=0)
            start = time.perf_counter()
            select(query, pool, k)
            middle = time.perf_counter()
            flat = pool.ravel()
            with threadpool_limits(1):
                begun = time.perf_counter()
                for _ in range(k + 2):
                    np.dot(flat, flat)
                ended = time.perf_counter()
            if repeat > 0:
                ours.append(middle - start)
                ceiling.append(ended - begun)
        seconds, best = statistics.median(ours), statistics.median(ceiling)
        rate = f"{read / seconds / 1e9:.1f} | {read / 2 / seconds / 1e9:.1f}"
        size = f"{count} | {k} | {dim} | {read / 1e6:.1f}"
        lines.append(f"| {size} | {seconds * 1e3:.2f} | {rate} | {best / seconds:.0%} |")
    return lines


def table(found: dict[Key, Times]) -> list[str]:
    lines = ["| K | N | d | " + " | ".join(METHODS) + " |", "|" + "---|" * (3 + len(METHODS))]
    for (count, k, dim), measured in found.items():
        ours = measured[OURS]
        cells = [
            "not run" if math.isnan(s) else f"{s * 1e3:.3g} ({s / ours:.2g}×)"
            for s in measured.values()
        ]
        lines.append(f"| {count} | {k} | {dim} | " + " | ".join(cells) + " |")
    return lines


def plot(found: dict[Key, Times], file: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4.5))
    counts = sorted({count for count, _, _ in found})
    for name in METHODS:
        times = [found[count, 10, 1024][name] * 1e3 for count in counts]
        axes.plot(counts, times, marker="o", linewidth=2.5 if "SIFT" in name else 1.2, label=name)
    axes.set(xscale="log", yscale="log", xlabel="candidates K", ylabel="milliseconds a query")
    axes.set_title("Selecting 10 of K passages, d = 1024, one query on a CPU")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(file, dpi=110)


def machine() -> str:
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        model = names[0].split(":")[1].strip() if names else model
    return (
        f"{model}, {os.cpu_count()} cores; Python {platform.python_version()}, numpy "
        f"{np.__version__}, torch {torch.__version__}; {date.today()}"
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="a few sizes, prints only")
    options.add_argument("--repeats", type=int, default=16)
    arguments = options.parse_args()
    console = Console()
    grid = [(200, 10, 384), (200, 10, 1024), (1000, 50, 384), (1000, 50, 1024)]
    if not arguments.quick:
        sizes = product((5, 10, 50), (384, 1024, 3072), (50, 200, 1000, 5000))
        grid = [(count, k, dim) for k, dim, count in sizes]
    for name in METHODS:  # what is loaded or compiled at the first call is not timed
        small = pools(50, 16, 1)[0]
        METHODS[name](small[0], small, 5)
    found = one_query(grid, arguments.repeats, console)
    lines = [
        "# Speed on a CPU",
        "",
        f"`make bench` on {machine()}.",
        "",
        "## One query: milliseconds, and times SIFT compiled's",
        "",
        *table(found),
        "",
        "## A batch of B queries that pick from rows of one matrix",
        "",
        *batches(console),
        "",
        "## Memory beside the candidates, K = 1000, N = 50, d = 1024",
        "",
        *memory(),
        "",
        "## Roofline of SIFT compiled",
        "",
        *roofline(),
        "",
    ]
    if arguments.quick:
        print("\n".join(lines))
        return
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "cpu.md").write_text("\n".join(lines))
    plot(found, RESULTS / "cpu.png")
    console.print(f"written to {RESULTS / 'cpu.md'}")


if __name__ == "__main__":
    main()
