"""The notebooks of the documentation: each one runs, and prints what it is kept with."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest
from execution import alike, differences, executed, notebooks, read, texts
from nbformat.v4 import new_code_cell, new_output

pytest.importorskip("wordllama")
NAMES = {"quickstart", "from-mmr", "after-a-reranker", "calibrate", "test-time-fine-tuning"}
MOST_BYTES = 60_000
MACHINE = re.compile(r"(?<![\w:/.])/[\w.-]+/[\w.-]|[A-Z]:\\\\|site-packages|\x1b\[")
"""A path from the root of a disk, or the colours of a terminal."""
SHOWN = pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.stem)


def test_there_is_a_notebook_of_each_subject() -> None:
    assert {path.stem for path in notebooks()} == NAMES


@SHOWN
def test_it_gives_the_outputs_that_it_is_kept_with(path: Path) -> None:
    kept, new = read(path), executed(path)
    assert [*differences(kept, new)] == [], "make notebooks writes the outputs anew"
    assert unclean(new) == []


@SHOWN
def test_it_is_kept_small_with_clean_outputs(path: Path) -> None:
    notebook = read(path)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == [*range(1, len(code) + 1)]
    assert unclean(notebook) == []
    assert not [found for cell in code for found in MACHINE.findall(texts(cell))]
    assert path.stat().st_size < MOST_BYTES
    pictures = [
        base64.b64decode(output.data["image/png"])
        for cell in code
        for output in cell.outputs
        if "data" in output and "image/png" in output.data
    ]
    assert all(picture.startswith(b"\x89PNG") for picture in pictures)
    assert pictures or path.stem == "after-a-reranker"


def test_paths_of_a_machine_are_found() -> None:
    for path in (str(Path(__file__).resolve()), str(Path.home() / "a"), "'C:\\\\a'", "\x1b[0m"):
        assert MACHINE.search(f"read {path}"), path
    for text in ("either/or", "https://arxiv.org/abs/2410.08020", "3 / 4", "docs/notebooks/a"):
        assert not MACHINE.search(f"see {text}"), text


def unclean(notebook: object) -> list[str]:
    """Errors and what was written to stderr: warnings, progress bars."""
    return [
        str(output)
        for cell in notebook.cells  # type: ignore[attr-defined]
        for output in cell.get("outputs", ())
        if output.output_type == "error" or output.get("name") == "stderr"
    ]


def test_it_does_not_matter_in_how_many_parts_a_text_was_sent() -> None:
    whole = new_code_cell(outputs=[new_output("stream", text="a\nb\n")])
    parts = [new_output("stream", text=text) for text in ("a\n", "b", "\n")]
    assert texts(whole) == texts(new_code_cell(outputs=parts)) == "a\nb\n"


def test_texts_are_alike_only_if_words_are_equal_and_numbers_near() -> None:
    assert alike("coverage 0.58, 4 of 100", "coverage 0.59, 4 of 101")
    assert not alike("coverage 0.58", "coverage 0.68")
    assert not alike("coverage 0.58", "chance 0.58")
    assert not alike("a 1", "a 1 2")
