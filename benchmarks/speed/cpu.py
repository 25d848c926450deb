"""Time and memory of selection on a CPU, against other selectors in the same process.

    make bench          # about 10 minutes; writes benchmarks/speed/results/cpu.md and cpu.png
    python benchmarks/speed/cpu.py --quick    # under a minute: a few sizes, prints only

First comes the retrievers' default rule, `select(kernel="relevance", objective="undirected",
lambda_=0.2)`, then the paper's, the cosine; each compiled and with numpy alone. Vectors are random,
of unit length, float32 arrays for every method. Methods take turns on eight pools, so that a noisy
machine is noisy for all and none finds its pool in the cache. Quoted are medians. A method that
takes more than a second is run once; one that took more than three is not run on larger pools of
that N and d. The busy machine has an endless loop on each core beside the benchmark.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import track

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.common.machine import machine
from benchmarks.speed.batches import ROWS, table_of_batches, table_of_rows
from benchmarks.speed.goals import table_of_goals
from benchmarks.speed.memory import table_of_memory
from benchmarks.speed.methods import FAST, METHODS, OURS, PEERS, REFERENCE
from benchmarks.speed.one_query import (
    CONDITIONS,
    GOALS,
    SIZES,
    Found,
    Size,
    condition,
    fixed_cost,
    measure,
    table,
    table_of_conditions,
    table_of_fixed_cost,
)
from benchmarks.speed.phrases import table_of_phrases
from benchmarks.speed.plot import plot
from benchmarks.speed.pools import pools

RESULTS = Path(__file__).parent / "results"
QUIET: Final = "quiet machine, default threads"
PACKAGES: Final = ("numpy", "pyversity", "activeft", "langchain-core", "llama-index-core", "torch")


class Rounds:
    """How often each method is run, and how much of the page is made."""

    def __init__(self, quick: bool, rounds: int) -> None:
        self.sizes = GOALS if quick else SIZES
        self.rounds = 5 if quick else rounds
        self.batch = 64 if quick else 1024
        self.of_batches = 1 if quick else 5
        self.rows = ROWS[:2] if quick else ROWS
        self.conditions = GOALS[:1] if quick else GOALS
        self.memory = not quick


def page(rounds: Rounds, console: Console) -> tuple[list[str], Found]:
    """The lines of cpu.md, and the times of the picture."""

    def shown(sizes: Iterable[Size], what: str) -> Iterable[Size]:
        return track([*sizes], what, console=console, transient=True)

    small = pools(50, 16, 1)[0]
    for method in METHODS.values():  # what is loaded at the first call is not timed
        with method.road():
            method.run(small[0], small, 5)
    found = measure(METHODS, shown(rounds.sizes, "one query"), rounds.rounds)
    under: dict[str, Found] = {}
    one_thread: Found = {}
    for name, (threads, busy) in CONDITIONS.items():
        with condition(threads, busy):
            under[name] = measure(FAST, shown(rounds.conditions, name), rounds.rounds)
            if threads == 1 and not busy:
                one_thread = measure(FAST, shown(rounds.sizes, name), rounds.rounds)
    console.print("fixed cost, phrases, batches ...")
    fixed = fixed_cost(rounds.rounds)
    lines = [
        "# Speed on a CPU",
        "",
        f"`make bench` (`python benchmarks/speed/cpu.py`) on {machine(PACKAGES)}. Milliseconds are "
        "medians; in brackets their ratio to pyversity's MMR, at N = 50 to its DPP. "
        '"Default" is `select(kernel="relevance", objective="undirected", lambda_=0.2)`, "cosine" '
        "is `select()`.",
        *([] if any("compiled" in name for name in OURS) else ["", "The extension is not built."]),
        "",
        "## Goals",
        "",
        *table_of_goals(found, one_thread, fixed),
        "",
        f"## One query, {QUIET}",
        "",
        *table(found, OURS | REFERENCE),
        "",
        f"## Others, {QUIET}",
        "",
        *table(found, PEERS),
        "",
        "## One query, quiet machine, one thread",
        "",
        *table(one_thread, FAST),
        "",
        "## A quiet machine and a busy one",
        "",
        "Median, ninth decile (ratio of the medians).",
        "",
        *table_of_conditions(under),
        "",
        "## Fixed cost of a call: K = 8, N = 5, d = 8",
        "",
        *table_of_fixed_cost(fixed),
        "",
        "## Picking by phrases, the retrievers' default with texts",
        "",
        *table_of_phrases(rounds.rounds),
        "",
        "## Batches",
        "",
        *table_of_batches(rounds.batch, rounds.of_batches),
        "",
        "## Rows of a large matrix: K = 200, N = 10, d = 384",
        "",
        *table_of_rows(rounds.rows, rounds.rounds),
    ]
    if rounds.memory:
        console.print("memory ...")
        title = "## Memory beside the candidates: K = 5,000, N = 50, d = 1024"
        lines += ["", title, "", *table_of_memory()]
    return lines, found


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="a few sizes, prints only")
    options.add_argument("--rounds", type=int, default=24, help="turns of each method")
    arguments = options.parse_args()
    console = Console(stderr=True)
    lines, found = page(Rounds(arguments.quick, arguments.rounds), console)
    if arguments.quick:
        print("\n".join(lines))
        return
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "cpu.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    plot(found, RESULTS / "cpu.png")
    console.print(f"written to {RESULTS / 'cpu.md'}")


if __name__ == "__main__":
    main()
