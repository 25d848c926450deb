"""Executes the notebooks of the documentation, and says how outputs differ.

python tests/notebooks/execution.py        # or: make notebooks; writes the outputs anew
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

NOTEBOOKS = Path(__file__).parents[2] / "docs" / "notebooks"
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
TOLERANCE = 0.02
"""Of numbers, relative or absolute: they depend a little on the processor."""


def notebooks() -> list[Path]:
    return sorted(NOTEBOOKS.glob("*.ipynb"))


def read(path: Path) -> NotebookNode:
    return nbformat.read(path, as_version=4)


def executed(path: Path) -> NotebookNode:
    """The notebook with new outputs, run in a kernel of its own, in the notebook's folder."""
    notebook = read(path)
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {
            "IPYTHONDIR": folder,
            "JUPYTER_RUNTIME_DIR": folder,
            "OMP_NUM_THREADS": "1",
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        }
        client = NotebookClient(
            notebook,
            timeout=280,
            startup_timeout=180,
            kernel_name="python3",
            record_timing=False,
            coalesce_streams=True,
            resources={"metadata": {"path": str(path.parent)}},
        )
        client.execute(env=environment)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    notebook.metadata.language_info = {"name": "python"}
    return notebook


def texts(cell: NotebookNode) -> str:
    """What a cell printed and returned, without figures."""
    parts = []
    for output in cell.get("outputs", ()):
        if output.output_type == "stream":
            parts.append(output.text)
        elif "data" in output and "image/png" not in output.data:
            parts.append(output.data.get("text/plain", "") + "\n")
    return "".join(parts)  # a kernel sends what is printed in one part or in several


def differences(kept: NotebookNode, new: NotebookNode) -> Iterator[str]:
    """What is not the same in the text outputs of two versions of a notebook."""
    for number, (before, after) in enumerate(zip(kept.cells, new.cells, strict=True)):
        was, now = texts(before), texts(after)
        if not alike(was, now):
            yield f"cell {number}: kept {was!r}, now {now!r}"


def alike(a: str, b: str) -> bool:
    """Whether two texts are the same but for small differences of their numbers."""
    if NUMBER.sub("#", a) != NUMBER.sub("#", b):
        return False
    pairs = zip(map(float, NUMBER.findall(a)), map(float, NUMBER.findall(b)), strict=True)
    return all(abs(x - y) <= TOLERANCE * max(1.0, abs(x), abs(y)) for x, y in pairs)


def main() -> None:
    for path in notebooks():
        print(path.name)
        path.write_text(nbformat.writes(executed(path)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
