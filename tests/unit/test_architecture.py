"""Dependencies point one way, and nothing optional is imported before it is used."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CORE = ROOT / "sift_retrievers"
LANGCHAIN = ROOT / "integrations" / "langchain-sift" / "langchain_sift"


def imported(file: Path) -> set[str]:
    """Modules that a file imports anywhere, with what it takes from them."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("file", sorted(CORE.rglob("*.py")), ids=lambda f: str(f.relative_to(CORE)))
def test_the_core_knows_no_framework(file: Path) -> None:
    frameworks = ("langchain", "llama_index")
    assert not [name for name in imported(file) if name.startswith(frameworks)]


@pytest.mark.parametrize(
    ("part", "forbidden"),
    [
        ("kernels.py", ("sift_retrievers.backends", "sift_retrievers.selection")),
        ("backends", ("sift_retrievers.selection",)),
        ("retrieval", ("sift_retrievers.finetune",)),
        ("finetune", ("sift_retrievers.retrieval", "sift_retrievers.backends")),
        ("metrics", ("sift_retrievers.selection", "sift_retrievers.retrieval")),
        ("calibration", ("sift_retrievers.finetune", "sift_retrievers.selection")),
    ],
)
def test_inside_the_core_selection_stands_on_backends_on_kernels(
    part: str, forbidden: tuple[str, ...]
) -> None:
    files = [CORE / part] if part.endswith(".py") else sorted((CORE / part).glob("*.py"))
    for file in files:
        assert not [name for name in imported(file) if name.startswith(forbidden)], file


WITHOUT_TORCH = ["witnesses", "coverage.py", "stop_reason.py"]
"""What a user of another engine could take as it is: Python and numpy."""


def files_of(parts: list[str]) -> list[Path]:
    return [
        file
        for part in parts
        for file in ([CORE / part] if part.endswith(".py") else sorted((CORE / part).rglob("*.py")))
    ]


@pytest.mark.parametrize("file", files_of(WITHOUT_TORCH), ids=lambda f: str(f.relative_to(CORE)))
def test_witnesses_and_coverage_stand_on_numpy_alone(file: Path) -> None:
    own = tuple(f"sift_retrievers.{part.removesuffix('.py')}" for part in WITHOUT_TORCH)
    for name in imported(file):
        if name.startswith("sift_retrievers"):
            assert name.startswith(own), name
        else:
            assert name.split(".")[0] in {"numpy", "__future__", *sys.stdlib_module_names}, name


def test_coverage_knows_nothing_of_witnesses() -> None:
    assert not [name for name in imported(CORE / "coverage.py") if ".witnesses" in name]


@pytest.mark.parametrize("package", ["sift_retrievers", "langchain_sift"])
def test_importing_the_package_imports_no_optional_one(package: str) -> None:
    pytest.importorskip(package)
    optional = ["faiss", "chromadb", "transformers", "peft", "matplotlib", "triton", "llama_index"]
    code = f"import {package}, sys; print([m for m in {optional!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("file", sorted((LANGCHAIN / "stores").glob("*.py")), ids=lambda f: f.name)
def test_adapters_import_no_store(file: Path) -> None:
    at_module_level = ast.parse(file.read_text(encoding="utf-8")).body
    names = {
        name.split(".")[0]
        for node in at_module_level
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [])
        + ([alias.name for alias in node.names] if isinstance(node, ast.Import) else [])
    }
    own = {"__future__", "numpy", "langchain_core", "langchain_sift", "sift_retrievers"}
    assert names <= own | set(sys.stdlib_module_names)
