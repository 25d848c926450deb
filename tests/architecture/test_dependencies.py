"""Dependencies point one way, without a circle; a reader of a store imports no store."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CORE = ROOT / "sift_retrievers"
LANGCHAIN = ROOT / "integrations" / "langchain-sift"
LLAMA_INDEX = ROOT / "integrations" / "llama-index-retrievers-sift"
OWN = ("sift_retrievers", "langchain_sift", "llama_index")

BASE = {
    "acceleration",
    "arrays",
    "forking",
    "once",
    "ranking",
    "running_calls",
    "stop_reason",
    "threads",
    "validation",
}
"""What every part of the core may use: no part of it uses anything but these."""
ARROWS: dict[str, set[str]] = {
    "kernels": set(),
    "coverage": {"coverage_greedy"},
    "coverage_greedy": {"coverage"},  # for its types alone
    "selection": {"kernels", "coverage"},
    "witnesses": {"coverage"},
    "metrics": set(),
    "evaluation": {"metrics"},
    "finetune": {"selection"},
    "report": {"kernels", "coverage", "selection", "witnesses"},
    "retrieval": {"kernels", "coverage", "selection", "witnesses", "finetune", "report"},
    "calibration": {
        "kernels",
        "coverage",
        "witnesses",
        "metrics",
        "evaluation",
        "report",
        "retrieval",
    },
    "cli": {"calibration", "evaluation", "metrics", "retrieval"},
    "faiss": {"coverage", "kernels", "selection"},
    "activeft": {"coverage", "faiss", "kernels", "selection"},
}
"""Which part of the core may use which. The integrations stand above all of them."""
ALONE = ("witnesses", "coverage", "coverage_greedy", *BASE - {"arrays", "validation"})
"""What a user of another engine could take as it is: Python and numpy."""


@cache
def modules() -> dict[str, Path]:
    """The files of all three distributions by the name of their module."""
    found = {}
    for root in (ROOT, LANGCHAIN, LLAMA_INDEX):
        for package in OWN:
            for file in (root / package).rglob("*.py"):
                name = ".".join(file.relative_to(root).with_suffix("").parts)
                found[name.removesuffix(".__init__")] = file
    return found


def imported(file: Path, *, for_types: bool = True) -> Iterator[str]:
    """Modules that a file imports, at the beginning or in a function.

    Args:
        file: Python source.
        for_types: with those that are there for the type checker alone.
    """
    left: list[ast.AST] = [ast.parse(file.read_text(encoding="utf-8"))]
    while left:
        node = left.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING" and not for_types:
            left += node.orelse
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            inside = (f"{node.module}.{alias.name}" for alias in node.names)
            yield from (name if name in modules() else node.module for name in inside)
        left += ast.iter_child_nodes(node)


def part_of(module: str) -> str:
    """The part of the core that a module belongs to, "" for the package itself."""
    return module.removeprefix("sift_retrievers").removeprefix(".").partition(".")[0]


CORE_MODULES = sorted(name for name in modules() if name.startswith("sift_retrievers."))


def test_every_part_of_the_core_is_in_the_plan() -> None:
    assert {part_of(name) for name in CORE_MODULES} == BASE | {*ARROWS}


@pytest.mark.parametrize("module", CORE_MODULES)
def test_the_core_knows_no_framework_and_its_parts_those_below(module: str) -> None:
    part = part_of(module)
    below = BASE | ARROWS.get(part, set()) | {part, "_native"}
    for name in imported(modules()[module]):
        assert not name.startswith(("langchain", "llama_index"))
        if name.startswith("sift_retrievers"):
            assert part_of(name) in below, f"{module} imports {name}"


@pytest.mark.parametrize("module", [name for name in CORE_MODULES if part_of(name) in ALONE])
def test_witnesses_and_coverage_stand_on_numpy_alone(module: str) -> None:
    for name in imported(modules()[module]):
        if name.startswith("sift_retrievers"):
            assert part_of(name) in {*ALONE, "_native"}, name
        else:
            assert name.split(".")[0] in {"numpy", "__future__", *sys.stdlib_module_names}, name


def test_the_problem_and_its_solvers_know_nothing_of_the_door() -> None:
    for module in CORE_MODULES:
        if module.startswith("sift_retrievers.selection.solvers"):
            assert "sift_retrievers.selection.select" not in imported(modules()[module])


def test_there_is_no_circle() -> None:
    """Of all that is executed: what a type checker alone reads is left out."""
    graph = {
        module: {name for name in imported(file, for_types=False) if name in modules()} - {module}
        for module, file in modules().items()
    }
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


READERS = sorted(
    [
        *(LANGCHAIN / "langchain_sift" / "stores").glob("*.py"),
        *(LLAMA_INDEX / "llama_index" / "retrievers" / "sift" / "stores").glob("*.py"),
    ]
)


@pytest.mark.parametrize("file", READERS, ids=lambda file: f"{file.parts[-5]} {file.name}")
def test_readers_import_no_store(file: Path) -> None:
    """At the beginning of a file; in a function the store's package is there already."""
    body = ast.parse(file.read_text(encoding="utf-8")).body
    names = {
        name.split(".")[0]
        for node in body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [alias.name for alias in node.names]
        )
    }
    framework = "langchain_core" if "langchain_sift" in file.parts else "llama_index"
    own = {"__future__", "numpy", framework, "langchain_sift", "sift_retrievers"}
    assert names <= own | set(sys.stdlib_module_names)


@pytest.mark.parametrize("module", sorted(modules()))
def test_no_file_is_longer_than_one_thing(module: str) -> None:
    assert len(modules()[module].read_text(encoding="utf-8").splitlines()) <= 300
