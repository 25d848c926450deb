"""Dialogues as memories: what is stored, what is asked, and what overlaps."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from tiny_data import CountingModel

from benchmarks.common.models import Embedder
from benchmarks.retrieval import chats, dialogues
from benchmarks.retrieval.dialogues import overlap
from benchmarks.retrieval.peers import NEAREST_NEIGHBOURS

SAID = [
    "[10:01] <ann> does anybody know how to build the mill?",
    "=== bob is now known as bobby",
    "[10:02] <bobby> no?",
    *(f"[10:{n:02}] <ann> utterance number {n} is about w{n}" for n in range(3, 23)),
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SIFT_DATA", str(tmp_path))
    (tmp_path / "lm_domains").mkdir()
    with gzip.open(tmp_path / "lm_domains" / "irc_ubuntu.jsonl.gz", "wt") as file:
        for n in range(4):
            file.write(json.dumps({"id": f"d{n}", "text": "\n".join(SAID)}) + "\n")
    return tmp_path


def test_a_question_is_taken_out_before_the_store_is_made(folder: Path) -> None:
    made = chats.make(chats.read_dialogues())
    assert len(made) == 4
    for one in made:
        assert one.questions == ("does anybody know how to build the mill?",)
        assert len(one.passages) == 21 + 17  # utterances that are left, and windows of five
        assert not any("anybody" in passage.text for passage in one.passages)
        assert one.passages[0].text == "no?"  # too short to be a question
        assert one.passages[21].text.splitlines()[1] == one.passages[1].text
        assert one.spans[21] == {0, 1, 2, 3, 4}
        assert len({passage.id for passage in one.passages}) == 38


def test_picks_overlap_where_they_share_an_utterance() -> None:
    spans = (frozenset({0}), frozenset({1}), frozenset({0, 1, 2}), frozenset({5}))
    shares, covered = overlap(spans, np.array([[0, 2, 3, -1], [0, 1, 3, -1]], dtype=np.int32))
    np.testing.assert_allclose(shares, [1 / 3, 0])
    assert covered.tolist() == [4, 3]


def test_the_command(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["--results", str(folder / "results")]
    words = Embedder("words", "words", CountingModel())
    where = {"embedder": words, "folder": folder / "cache"}
    assert dialogues.main(given, methods=[NEAREST_NEIGHBOURS], **where) == 0
    page = (folder / "results" / "dialogues-words.md").read_text()
    assert "4 dialogues, 4 questions" in page
    assert "\n| nearest neighbours | " in page
    (folder / "lm_domains" / "irc_ubuntu.jsonl.gz").unlink()
    assert dialogues.main(given, methods=[NEAREST_NEIGHBOURS], **where) == 2
    assert "Not found" in capsys.readouterr().err
