"""The commands, end to end, on a made-up data folder."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hand_made import SHIFTED
from tiny_data import CountingModel, write_set

from benchmarks.retrieval import adaptive, run, warning
from benchmarks.retrieval.peers import NEAREST, PEERS

SUBJECTS = ("mill", "river", "town", "bridge", "hill", "church", "market", "school")
METHODS = (
    NEAREST,
    *(method for method in PEERS if method.name in ("pyversity MMR", "pyversity DPP")),
    SHIFTED,
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Eight subjects with eight passages each; a question a subject, answered by two of them."""
    monkeypatch.setenv("SIFT_DATA", str(tmp_path / "data"))
    corpus: list[dict[str, Any]] = []
    queries, qrels = [], []
    for s, subject in enumerate(SUBJECTS):
        for i in range(8):
            words = " ".join(f"w{(s * 8 + i) * j % 31}" for j in range(1, 5))
            corpus.append({"id": f"{subject}{i}", "text": f"The {subject} is {words} in {i}."})
        queries.append({"id": f"q{s}", "text": f"The {subject} is w{s * 8 % 31} in"})
        qrels += [{"query_id": f"q{s}", "doc_id": f"{subject}{i}"} for i in (1, 6)]
    for name in ("musique", "hotpotqa"):
        write_set(tmp_path / "data" / name, corpus, queries, qrels)
    return tmp_path


def options(folder: Path, *more: str) -> tuple[list[str], dict[str, Any]]:
    given = ["--sets", "musique", "hotpotqa", "--results", str(folder / "results"), *more]
    model = {"encode": CountingModel(), "model": "words", "folder": folder / "cache"}
    return given, model


def test_every_method_on_every_set(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given, model = options(folder)
    given[2:2] = ["ramdocs"]  # whose files are not there
    assert run.main(given, methods=METHODS, **model) == 0
    page = (folder / "results" / "results.md").read_text()
    assert "Not measured: ramdocs, plain (files not found); ramdocs, duplicates" in page
    for heading in ("## musique, plain", "## hotpotqa, windows", "### 200 candidates, default"):
        assert f"\n{heading}\n" in page
    for method in METHODS:
        assert f"| {method.name} |" in page
    line = next(
        line for line in page.split("\n## musique, plain\n")[1].splitlines() if "DPP |" in line
    )
    assert re.search(r"\| diversity 0\.5 \| [01]\.\d{3} \[[01]\.\d{3}, [01]\.\d{3}\] \|", line)
    found = json.loads((folder / "results" / "results.json").read_text())
    assert len(found["missing"]) == 3
    rows = [row for row in found["rows"] if row["method"] == "shifted"]
    assert len(rows) == 2 * 2 * 3 * 3  # pools, sets, variants, ways
    assert {row["way"] for row in rows} == {"default", "one setting", "own setting"}
    assert all(row["queries"] == 4 and 0 <= row["mean_coverage"] <= 1 for row in rows)
    for row in rows:
        assert row["way"] != "default" or row["setting"] == {"start": 3}
    plots = {file.name for file in (folder / "results").glob("*.png")}
    assert {"coverage-windows-default.png", "trade-off-tuned.png"} <= plots

    calls = len(model["encode"].calls)
    again, _ = options(folder, "--without", "pyversity MMR", "--variants", "plain", "--embedded")
    assert run.main(again, methods=METHODS, **model) == 0
    assert len(model["encode"].calls) == calls
    assert "| pyversity MMR |" not in (folder / "results" / "results.md").read_text()


def test_what_is_not_embedded_is_left_out(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given, model = options(folder, "--embedded", "--variants", "plain")
    assert run.main(given, methods=METHODS, **model) == 2
    assert "musique, plain: not embedded yet" in capsys.readouterr().err


def test_rules_for_the_number_of_passages(folder: Path) -> None:
    given, model = options(folder, "--variants", "plain")
    assert adaptive.main(given, **model) == 0
    page = (folder / "results" / "adaptive.md").read_text()
    assert "\n## musique, plain\n" in page
    assert all(f"| {rule} |" in page for rule in adaptive.RULES)
    assert (folder / "results" / "adaptive.png").exists()
    other = (folder / "results" / "adaptive-shared-noise.md").read_text()
    assert "Picks: RelevanceWeighted(" in page
    assert "Picks: SharedNoise(" in other
    tables = [text.split("\n## ", 1)[1] for text in (page, other)]
    assert tables[0] != tables[1]


def test_uncertainty_as_a_warning(folder: Path) -> None:
    given, model = options(folder, "--variants", "plain")
    assert warning.main(given, **model) == 0
    page = (folder / "results" / "warning.md").read_text()
    assert "| musique, plain (8) |" in page
    row = next(
        line for line in page.splitlines() if line.startswith("| similarity of the nearest |")
    )
    assert all(0 <= float(cell) <= 1 for cell in row.split("|")[2:-1])
    assert (folder / "results" / "warning.png").exists()


@pytest.mark.parametrize("command", [run, adaptive, warning], ids=lambda c: c.__name__)
def test_without_data_they_say_what_they_expect(command: Any) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", command.__file__],
        env={},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("SIFT_DATA is not set.")
    assert "HanNight/RAMDocs" in done.stderr
