"""Check every solver against float64 on a CUDA GPU, then time it with events.

    python benchmarks/speed/gpu.py            # writes benchmarks/speed/results/gpu.md

Without a GPU it says so and writes nothing.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable
from datetime import date
from functools import partial
from itertools import product
from pathlib import Path

import torch
from torch import Tensor

from sift_retrievers import posterior_variance, select
from sift_retrievers.selection.arguments import build_problem
from sift_retrievers.selection.solvers.dispatch import choose

RESULTS = Path(__file__).parent / "results"
SOLVERS = ("fused", "reference")


def data(
    batch: int, count: int, dim: int, dtype: torch.dtype = torch.float32
) -> tuple[Tensor, Tensor]:
    generator = torch.Generator(device="cuda").manual_seed(batch + count + dim)
    pool = torch.randn(batch, count, dim, device="cuda", generator=generator)
    pool[:, count // 2 :] = pool[:, : count - count // 2] + 0.05 * torch.randn(
        batch, count - count // 2, dim, device="cuda", generator=generator
    )
    return pool[:, :5].mean(dim=1), pool.to(dtype)


def check() -> list[str]:
    """Largest error of the reported final variance against float64, over σ²_0."""
    lines = ["| solver | K | N | d | type | λ′ | largest error of σ² |", "|" + "---|" * 7]
    sizes = ((50, 5, 384), (200, 10, 1024), (1000, 50, 384), (5000, 20, 1024), (300, 10, 4096))
    types = (torch.float32, torch.bfloat16, torch.float16)
    for name, (count, k, dim), dtype, noise in product(SOLVERS, sizes, types, (1e-3, 1e-2, 1.0)):
        queries, pool = data(4, count, dim, dtype)
        chosen = select(queries, pool, k, lambda_=noise, solver=name)
        rows = torch.arange(4, device="cuda")[:, None]
        exact = posterior_variance(queries, pool.double()[rows, chosen.indices], lambda_=noise)
        error = float((chosen.variance[:, -1].double() - exact).abs().max())
        kind = str(dtype).removeprefix("torch.")
        lines.append(f"| {name} | {count} | {k} | {dim} | {kind} | {noise} | {error:.1e} |")
        if error > 1e-4:
            sys.exit("\n".join([*lines, "the largest error is above 1e-4: nothing was timed"]))
    return lines


def milliseconds(call: Callable[[], object], repeats: int = 50) -> float:
    for _ in range(5):
        call()
    times = []
    for _ in range(repeats):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        call()
        end.record()
        end.synchronize()
        times.append(start.elapsed_time(end))
    return statistics.median(times)


def copy_rate() -> float:
    """Bytes a second of a large device-to-device copy, read and written."""
    source = torch.empty(2**30, dtype=torch.uint8, device="cuda")
    target = torch.empty_like(source)
    return 2 * 2**30 / (milliseconds(lambda: target.copy_(source)) / 1e3)


def times() -> list[str]:
    ceiling = copy_rate()
    lines = [f"Copy: {ceiling / 1e12:.2f} TB/s.", ""]
    lines += ["| B | K | N | d | type | " + " | ".join(SOLVERS) + " | fused: TB/s, share of copy |"]
    lines += ["|" + "---|" * (6 + len(SOLVERS))]
    sizes = ((1, 200, 10, 1024), (1, 1000, 50, 1024), (64, 200, 10, 1024), (1024, 200, 10, 1024))
    for (batch, count, k, dim), dtype in product(sizes, (torch.float32, torch.bfloat16)):
        queries, pool = data(batch, count, dim, dtype)
        problem = build_problem(queries, pool, k)
        found = {n: milliseconds(partial(choose(problem, n), problem)) for n in SOLVERS}
        rate = pool.element_size() * batch * count * dim * k / (found["fused"] / 1e3)
        cells = " | ".join(f"{found[name]:.3f} ms" for name in SOLVERS)
        kind = str(dtype).removeprefix("torch.")
        share = f"{rate / 1e12:.2f}, {rate / ceiling:.0%}"
        lines.append(f"| {batch} | {count} | {k} | {dim} | {kind} | {cells} | {share} |")
    return lines


def main() -> None:
    if not torch.cuda.is_available():
        print("not measured: torch sees no CUDA device")
        return
    name = torch.cuda.get_device_name()
    head = f"`python benchmarks/speed/gpu.py` on {name}, torch {torch.__version__}; {date.today()}."
    text = "\n".join(["# Speed on a GPU", "", head, "", *check(), "", *times(), ""])
    print(text)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "gpu.md").write_text(text)


if __name__ == "__main__":
    main()
