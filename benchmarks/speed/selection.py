"""Time of one query's selection, against other selectors in the same process.

    make bench          # or: python benchmarks/speed/selection.py --repeats 30

Methods take turns on the same data, so that a noisy machine is noisy for all. Quoted are medians
and ratios to ours. Vectors are random, of unit length, float32 arrays for every method.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from collections.abc import Callable
from datetime import date
from itertools import product

import numpy as np
import numpy.typing as npt
import torch
from langchain_core.vectorstores.utils import maximal_marginal_relevance
from pyversity import Strategy, diversify
from rich.console import Console
from rich.progress import track
from rich.table import Table

from sift_retrievers import select

Vectors = npt.NDArray[np.float32]
Method = Callable[[Vectors, Vectors, int], object]


def ours(query: Vectors, pool: Vectors, k: int) -> object:
    return select(query, pool, k)


def top_k(query: Vectors, pool: Vectors, k: int) -> object:
    return np.argsort(-(pool @ query))[:k]


def langchain_mmr(query: Vectors, pool: Vectors, k: int) -> object:
    return maximal_marginal_relevance(query, list(pool), k=k)


def pyversity(strategy: Strategy) -> Method:
    def run(query: Vectors, pool: Vectors, k: int) -> object:
        return diversify(embeddings=pool, scores=pool @ query, k=k, strategy=strategy)

    return run


METHODS: dict[str, Method] = {
    "SIFT (select)": ours,
    "top-k": top_k,
    "pyversity MMR": pyversity(Strategy.MMR),
    "pyversity DPP": pyversity(Strategy.DPP),
    "LangChain MMR": langchain_mmr,
}


def medians(count: int, k: int, dim: int, repeats: int) -> dict[str, float]:
    """Median seconds of every method on pools `[count, dim]`, methods alternating."""
    random = np.random.default_rng(0)
    times: dict[str, list[float]] = {name: [] for name in METHODS}
    for repeat in range(repeats + 1):
        pool = random.normal(size=(count, dim)).astype(np.float32)
        pool /= np.linalg.norm(pool, axis=1, keepdims=True)
        query = pool[:5].mean(axis=0)
        for name, method in METHODS.items():
            start = time.perf_counter()
            method(query, pool, k)
            elapsed = time.perf_counter() - start
            if repeat > 0:  # the first round warms up
                times[name].append(elapsed)
    return {name: statistics.median(measured) for name, measured in times.items()}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--repeats", type=int, default=20)
    repeats = options.parse_args().repeats
    console = Console()
    table = Table(
        title=f"One query on a CPU, milliseconds (times ours); {date.today()}, Python "
        f"{platform.python_version()}, torch {torch.__version__}, {torch.get_num_threads()} threads"
    )
    for column in ("K", "k", "d", *METHODS):
        table.add_column(column, justify="right")
    sizes = list(product((200, 1000), (10, 50), (384, 1024)))
    for count, k, dim in track(sizes, console=console, transient=True):
        measured = medians(count, k, dim, repeats)
        base = measured["SIFT (select)"]
        cells = [f"{seconds * 1e3:.2f} ({seconds / base:.1f})" for seconds in measured.values()]
        table.add_row(str(count), str(k), str(dim), *cells)
    console.print(table)


if __name__ == "__main__":
    main()
