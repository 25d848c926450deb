"""README.md: its length, its two programs, its numbers and its links."""

from __future__ import annotations

import re

import pytest
from code_blocks import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
RESULTS = ROOT / "benchmarks" / "retrieval" / "results" / "minilm.md"


def rows_of(text: str) -> dict[str, list[str]]:
    """The cells of every table row by its first cell, without emphasis; the first row of a name."""
    rows: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line.startswith("| "):
            first, *rest = [cell.strip().strip("*") for cell in line.strip().strip("|").split("|")]
            rows.setdefault(first, rest)
    return rows


def test_at_most_160_lines() -> None:
    assert len(README.splitlines()) <= 160


def test_programs_of_at_most_15_lines() -> None:
    programs = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(programs) == 2
    for program in programs:
        assert len([line for line in program.splitlines() if line.strip()]) <= 15
        assert max(map(len, program.splitlines())) <= 100  # fits without scrolling


@pytest.mark.parametrize(
    ("row", "measured"),
    [
        ("similarity search", "nearest neighbours"),
        ("hybrid search (BM25 and vectors, LlamaIndex)", "LlamaIndex QueryFusion"),
        ("SIFTRetriever, its defaults", "the default"),
    ],
)
def test_results_are_those_of_the_benchmark(row: str, measured: str) -> None:
    plain, copies, _, windows, _ = rows_of(RESULTS.read_text(encoding="utf-8"))[measured]
    assert rows_of(README)[row] == [plain, copies, windows]


def test_the_tuned_mmr_is_that_of_the_benchmark() -> None:
    tuned = RESULTS.read_text(encoding="utf-8").split("## One setting for all, tuned")[1]
    _, plain, copies, _, windows, _ = rows_of(tuned)["LangChain MMR"]
    assert rows_of(README)["MMR, its weight tuned on other questions"] == [plain, copies, windows]


def test_links_and_pictures_exist() -> None:
    targets = re.findall(r"\]\(([^)\s:#]+)(?:#[^)]*)?\)", README)
    assert len(targets) > 15
    missing = [target for target in targets if not (ROOT / target).exists()]
    assert not missing
