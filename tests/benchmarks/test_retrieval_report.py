"""The commands, end to end, on a made-up data folder."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hand_made import SHIFTED, candidates
from tiny_data import CountingModel, write_set

from benchmarks.common.models import Embedder
from benchmarks.retrieval import (
    adaptive,
    calibrated,
    language_model,
    pool_sizes,
    run,
    warning,
)
from benchmarks.retrieval.peers import NEAREST_NEIGHBOURS, VECTOR_PEERS

SUBJECTS = ("mill", "river", "town", "bridge", "hill", "church", "market", "school")
METHODS = (
    NEAREST_NEIGHBOURS,
    *(method for method in VECTOR_PEERS if method.name in ("pyversity MMR", "pyversity DPP")),
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
    words = Embedder("words", "words", CountingModel())
    return given, {"embedder": words, "folder": folder / "cache"}


def test_every_method_on_every_set(folder: Path) -> None:
    given, model = options(folder)
    given[2:2] = ["ramdocs"]  # whose files are not there
    assert run.main(given, methods=METHODS, **model) == 0
    page = (folder / "results" / "words.md").read_text()
    assert "Not measured: ramdocs, plain (files not found); ramdocs, copies" in page
    assert "squad_dev (not asked for)" in page
    assert len(page.splitlines()) < 100
    assert "\n| method | plain | copies | changed | windows | all |\n" in page
    assert "\n| method | setting | plain | copies | changed | windows | all |\n" in page
    assert page.count("| pyversity DPP |") == 2
    assert page.count("| *shifted* |") == 2
    tables = page.split("\n## shifted: differences")[1]
    assert "| − nearest neighbours | plain |" in tables
    assert re.search(r"\| − the best peer of the variant \| plain − pyversity (MMR|DPP) \|", tables)
    line = next(line for line in tables.splitlines() if line.startswith("| musique |"))
    assert re.search(r"\| (\*\*)?[+-][01]\.\d{3} \[[+-][01]\.\d{3}, [+-][01]\.\d{3}\]", line)
    found = json.loads((folder / "results" / "words.json").read_text())
    assert len(found["missing"]) == 4
    rows = [row for row in found["rows"] if row["method"] == "shifted"]
    assert len(rows) == 2 * 4 * 2  # sets, variants, ways
    assert {row["way"] for row in rows} == {"default", "tuned"}
    assert all(row["questions"] == 4 and 0 <= row["mean_coverage"] <= 1 for row in rows)
    for row in rows:
        assert row["way"] != "default" or row["setting"] == {"start": 3}
        assert ("20" in row["coverage"]) == (row["variant"] == "windows")
    assert (folder / "results" / "words.png").exists()

    calls = len(model["embedder"].encode.calls)
    again, _ = options(folder, "--without", "pyversity MMR", "--variants", "plain", "--embedded")
    assert run.main([*again, "--defaults"], methods=METHODS, **model) == 0
    assert len(model["embedder"].encode.calls) == calls
    page = (folder / "results" / "words.md").read_text()
    assert "| pyversity MMR |" not in page
    assert "tuned" not in page.split("| method |")[1]


def test_what_is_not_embedded_is_left_out(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given, model = options(folder, "--embedded", "--variants", "plain")
    assert run.main(given, methods=METHODS, **model) == 2
    assert "musique, plain: not embedded yet" in capsys.readouterr().err


def test_rules_for_the_number_of_passages(folder: Path) -> None:
    given, model = options(folder, "--variants", "plain", "copies")
    assert adaptive.main(given, **model) == 0
    page = (folder / "results" / "adaptive-words.md").read_text()
    assert page.count("\n| plain |") == page.count("\n| copies |") == 2
    assert f"| {adaptive.MIXED} |" in page
    assert re.search(r"\| all \| \d+\.\d \([+-]\d+%\) \|", page)


def test_signals_that_the_evidence_is_missing(folder: Path) -> None:
    given, model = options(folder)
    assert warning.main(given, **model) == 0
    page = (folder / "results" / "warning-words.md").read_text()
    assert "| musique, plain (4) | hotpotqa, plain (4) |" in page
    for signal in warning.SIGNALS:
        row = next(line for line in page.splitlines() if line.startswith(f"| {signal} |"))
        assert all(0 <= float(cell) <= 1 for cell in row.split("|")[2:-1])
    assert re.search(r"\| musique, plain (\| [01]\.\d\d \(\d+%\) ){3}\| [01]\.\d{3} \|", page)


def test_the_default_among_more_candidates(folder: Path) -> None:
    given, model = options(folder)
    assert pool_sizes.main(given, **model) == 0
    page = (folder / "results" / "candidates-words.md").read_text()
    rows = [line.split("|")[2:-1] for line in page.splitlines() if "| hotpotqa, copies" in line]
    assert len(rows) == 1
    assert all(0 <= float(cell) <= 1 for cell in rows[0])
    assert "| **mean, plain** |" in page


class LetterReader:
    """An answer is the likelier the more of its words the prompt has."""

    name = "letters"

    def cut(self, text: str, tokens: int) -> str:
        return " ".join(text.split()[:tokens])

    def nats(self, asks: Sequence[tuple[str, str]]) -> Iterator[float]:
        for prompt, answer in asks:
            yield 1.0 + len(set(answer.split()) - set(prompt.split()))


def test_what_a_language_model_makes_of_it(folder: Path) -> None:
    for name in ("musique", "hotpotqa"):
        file = folder / "data" / name / "queries.jsonl.gz"
        with gzip.open(file, "rt") as lines:
            rows = [json.loads(line) for line in lines]
        with gzip.open(file, "wt") as lines:
            lines.writelines(json.dumps({**row, "answer": "w8 town"}) + "\n" for row in rows)
    given, model = options(folder, "--variants", "plain", "--questions", "3")
    assert language_model.main(given, reader=LetterReader(), **model) == 0
    page = (folder / "results" / "language-model.md").read_text()
    assert "the reported halves: 3 of musique, 3 of hotpotqa." in page
    assert "| method | nats of the answer | − the default | p |" in page
    for name in ("no context", "gold passages", *(m.name for m in language_model.METHODS)):
        assert page.count(f"\n| {name} |") == 2


def test_settings_from_calibrate() -> None:
    some = candidates(queries=42)  # calibrate wants 20, chosen and reported apart
    line, base, *found = calibrated.row(some)
    assert line.startswith("| musique, plain | ")
    assert len(base) == 21
    assert all(values.shape == base.shape for values in found)


@pytest.mark.parametrize(
    "command",
    [run, adaptive, warning, calibrated, pool_sizes, language_model],
    ids=lambda c: c.__name__,
)
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
