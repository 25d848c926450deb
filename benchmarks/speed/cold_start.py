"""Cold start: what a fresh process needs until it has imported, selected, retrieved.

    make bench          # with cpu.py; writes benchmarks/speed/results/cold-start.md
    python benchmarks/speed/cold_start.py            # it alone, about two minutes
    python benchmarks/speed/cold_start.py --quick    # three processes each, prints only

Each line is a process `python -c "…"` from start to end: seconds by the clock, seconds of
processor time, highest resident memory, modules loaded. Medians of seven processes; the lines take
turns. "Empty caches" runs a fresh copy of the package without any compiled bytecode of its own in
every process, as the first query after an installation. Linux.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.common.machine import machine

ROOT = Path(__file__).parents[2]
RESULTS = Path(__file__).parent / "results" / "cold-start.md"
PACKAGE: Final = ROOT / "sift_retrievers"
PACKAGES: Final = ("numpy", "langchain-core")

SELECT = """
import numpy as np
from sift_retrievers import select
pool = np.random.default_rng(0).normal(size=(200, 384)).astype(np.float32)
select(pool[0], pool, 10{rule})
"""
DEFAULT = SELECT.format(rule=', kernel="relevance", objective="undirected", lambda_=0.2')
COSINE = SELECT.format(rule="")
CORE_OF_LANGCHAIN = "import numpy\nfrom langchain_core.retrievers import BaseRetriever"
STORE = """
import numpy as np
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import InMemoryVectorStore

class Constant(Embeddings):
    def embed_documents(self, texts):
        return np.random.default_rng(0).normal(size=(len(texts), 384)).tolist()
    def embed_query(self, text):
        return np.random.default_rng(1).normal(size=384).tolist()

store = InMemoryVectorStore(Constant())
store.add_texts([f"Passage {n} tells of the {n % 7} rivers." for n in range(200)])
"""
SEARCH = STORE + 'store.similarity_search("Which rivers?", k=10)'
RETRIEVER = "from langchain_sift import SIFTRetriever"
RETRIEVAL = STORE + RETRIEVER + '\nSIFTRetriever(store, k=10).invoke("Which rivers?")'
# Said at the end of each process; what was imported for it is not counted.
TELL = """
import sys
_found = [len(sys.modules), "torch" in sys.modules]
_peak = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")]
print("\\n[%d, %d, %s]" % (*_found, _peak[0]))
"""


@dataclass(frozen=True)
class Case:
    """A process."""

    code: str
    compiled: bool = True
    """With the extension, where it is built."""
    fresh: bool = False
    """With a copy of the package that was never imported."""


@dataclass(frozen=True)
class Run:
    """What a process needed."""

    wall: float
    cpu: float
    """Both in seconds."""
    peak: float
    """MiB."""
    modules: int
    torch: bool


def cases() -> dict[str, Case]:
    """Those without SIFT, then SIFT's, with and without the extension."""
    ours = {
        "import sift_retrievers": Case("import sift_retrievers"),
        "import and first select, default rule": Case(DEFAULT),
        "import and first select, cosine": Case(COSINE),
        "import and first select, default rule, empty caches": Case(DEFAULT, fresh=True),
        "from langchain_sift import SIFTRetriever": Case(RETRIEVER),
        "the same, and first retrieval from InMemoryVectorStore": Case(RETRIEVAL),
    }
    found = {
        "Python alone": Case("pass"),
        "numpy": Case("import numpy"),
        "langchain_core.retrievers and numpy": Case(CORE_OF_LANGCHAIN),
        "langchain_core and first similarity_search of InMemoryVectorStore": Case(SEARCH),
    }
    if any(PACKAGE.glob("_native.*so")):
        found |= {f"{name}; compiled": case for name, case in ours.items()}
    return found | {
        f"{name}; numpy alone": Case(case.code, compiled=False, fresh=case.fresh)
        for name, case in ours.items()
    }


@contextmanager
def path_of(case: Case) -> Iterator[dict[str, str]]:
    """The environment of a process."""
    environment = {n: value for n, value in os.environ.items() if n != "PYTHONDONTWRITEBYTECODE"}
    environment["SIFT_RETRIEVERS_COMPILED"] = str(int(case.compiled))
    if not case.fresh:
        yield environment
        return
    with tempfile.TemporaryDirectory() as folder:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(PACKAGE, Path(folder) / PACKAGE.name, ignore=ignored)
        yield environment | {"PYTHONPATH": folder}


def run(case: Case) -> Run:
    """One process, from its start to its end."""
    with path_of(case) as environment:
        start = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-c", case.code + TELL],
            env=environment,
            cwd=tempfile.gettempdir(),
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        told = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"exit status {process.returncode} of {case.code}")
    modules, torch, peak = json.loads(told.splitlines()[-1])
    return Run(wall, usage.ru_utime + usage.ru_stime, peak / 1024, modules, bool(torch))


def medians(runs: list[Run]) -> Run:
    return Run(
        wall=statistics.median(one.wall for one in runs),
        cpu=statistics.median(one.cpu for one in runs),
        peak=statistics.median(one.peak for one in runs),
        modules=runs[0].modules,
        torch=runs[0].torch,
    )


def measure(rounds: int) -> dict[str, Run]:
    found: dict[str, list[Run]] = {name: [] for name in cases()}
    for number in range(rounds + 1):
        for name, case in cases().items():
            once = run(case)
            if number > 0:  # the first round reads the files from the disk
                found[name].append(once)
        print(f"round {number} of {rounds}", file=sys.stderr)
    return {name: medians(runs) for name, runs in found.items()}


def table(found: Mapping[str, Run]) -> list[str]:
    lines = ["| | s | s of CPU | peak, MiB | modules | torch |", "|" + "---|" * 6]
    for name, one in found.items():
        loaded = "loaded" if one.torch else "–"
        lines.append(
            f"| {name} | {one.wall:.3f} | {one.cpu:.3f} | {one.peak:.0f} | {one.modules} | "
            f"{loaded} |"
        )
    return lines


def goals(found: Mapping[str, Run]) -> list[str]:
    """Both roads against the goals."""
    base = found["langchain_core.retrievers and numpy"]
    lines = ["| | goal | found |", "|---|---|---|"]
    for road in ("compiled", "numpy alone"):
        retriever = found.get(f"from langchain_sift import SIFTRetriever; {road}")
        first = found.get(f"import and first select, default rule, empty caches; {road}")
        if retriever is None or first is None:
            continue
        ratio = retriever.cpu / base.cpu
        clock = retriever.wall / base.wall
        reached = max(ratio, clock) <= 1.3 and not retriever.torch
        shown = f"{clock:.2f} × by the clock, {ratio:.2f} × of CPU" + (
            ", torch is loaded" if retriever.torch else ""
        )
        lines.append(
            f"| import of the retriever, {road} | ≤ 1.3 × langchain_core with numpy, without torch "
            f"| {shown if reached else f'**not reached**: {shown}'} |"
        )
        shown = f"{first.wall:.2f} s, {first.peak:.0f} MiB"
        reached = first.wall <= 0.6 and first.peak <= 45
        lines.append(
            f"| import and first select, empty caches, {road} | ≤ 0.6 s, ≤ 45 MB | "
            f"{shown if reached else f'**not reached**: {shown}'} |"
        )
    return lines


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="few processes, prints only")
    options.add_argument("--rounds", type=int, default=7, help="processes of each line")
    arguments = options.parse_args()
    rounds = 3 if arguments.quick else arguments.rounds
    found = measure(rounds)
    lines = [
        "# Cold start",
        "",
        f"`python benchmarks/speed/cold_start.py` on {machine(PACKAGES)}. Medians of {rounds} "
        "processes.",
        "",
        *goals(found),
        "",
        *table(found),
    ]
    if arguments.quick:
        print("\n".join(lines))
    else:
        RESULTS.write_text("\n".join(lines) + "\n", encoding="utf-8")
        print(f"written to {RESULTS}", file=sys.stderr)


if __name__ == "__main__":
    main()
