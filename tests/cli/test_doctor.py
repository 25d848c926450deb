"""`sift doctor` says what a corpus gains, also where that is nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from made_facts import Command, Facts, facts

from sift_retrievers.cli.repetition import wilson


def test_copies_before_the_second_fact_are_a_reason_to_change(
    sift: Command, repeated: Facts, tmp_path: Path
) -> None:
    corpus, questions = repeated.write(tmp_path)
    found = sift("doctor", corpus, "--questions", questions, "-k", 3, "--json")
    assert found.code == 0
    result = found.json
    assert result["passages"] == 24 * 7
    assert not result["stay_with_similarity_search"]
    assert result["setting"] == "SIFTRetriever(vectorstore)"
    assert result["coverage"]["difference"]["low"] > 0.2
    assert result["copies"]["near"] == pytest.approx(4 / 7)
    assert result["copies"]["low"] == result["copies"]["high"]  # all passages were looked at
    assert result["repeated"]["similarity search"]["mean"] > 0.5
    assert result["repeated"]["SIFT"]["mean"] == 0
    shown = sift("doctor", corpus, "--questions", questions, "-k", 3).out
    assert "Use SIFTRetriever(vectorstore): the share of the gold evidence" in shown


def test_where_nothing_is_to_gain_it_says_to_stay(
    sift: Command, distinct: Facts, tmp_path: Path
) -> None:
    corpus, questions = distinct.write(tmp_path)
    for given in ([], ["--questions", questions]):
        found = sift("doctor", corpus, *given, "-k", 2, "--json")
        assert found.code == 1
        assert found.json["verdict"].startswith("Stay with similarity search")
        assert found.json["setting"] is None
    assert found.json["coverage"]["difference"]["high"] <= 0.02
    assert "Stay with similarity search" in sift("doctor", corpus, "-k", 2).out


def test_without_questions_repetition_alone_is_seen_and_no_model_needed(
    sift: Command, repeated: Facts, tmp_path: Path
) -> None:
    corpus, _ = repeated.write(tmp_path)
    found = sift("doctor", corpus, "-k", 3, "--json")
    assert found.code == 0
    assert found.json["questions_made_from_passages"]
    assert found.json["coverage"] is None
    assert "only 20 or more questions with gold passages can tell" in found.json["verdict"]


def test_a_setting_is_measured_on_questions_that_did_not_choose_it(tmp_path: Path) -> None:
    from sift_retrievers.cli.asked import asked_of_file, tasks_of
    from sift_retrievers.cli.held_out import best_setting
    from sift_retrievers.cli.stores import ReadingOptions, read_corpus

    path, questions = facts(topics=44, copies=4).write(tmp_path)
    corpus = read_corpus(path, ReadingOptions())
    tasks = tasks_of(corpus, asked_of_file(questions, corpus, None), 20)
    assert best_setting(tasks, (2,)).chosen
    assert not best_setting(tasks[:39], (2,)).chosen
    # Gold passages that are drawn by lot: whatever a half of them chooses, the other half denies.
    random = np.random.default_rng(1)
    rows = [json.loads(line) for line in questions.read_text().splitlines()]
    for row in rows:
        row["gold"] = [f"p{i}" for i in random.choice(len(corpus), 30, replace=False)]
    questions.write_text("".join(json.dumps(row) + "\n" for row in rows))
    drawn = tasks_of(corpus, asked_of_file(questions, corpus, None), 100)
    change = best_setting(drawn, (3, 5, 10)).difference
    assert change.low < 0 < change.high


def test_texts_or_vectors_alone(sift: Command, repeated: Facts, tmp_path: Path) -> None:
    file = tmp_path / "vectors.jsonl"
    file.write_text("".join(json.dumps(v) + "\n" for v in repeated.vectors.tolist()))
    found = sift("doctor", file, "-k", 3, "--json").json
    assert found["agreement"] is None
    assert found["passages_with_text"] == 0
    assert "not compared" in sift("doctor", file, "-k", 3).out


def test_input_that_is_too_small(refused: Callable[..., str], tmp_path: Path) -> None:
    file = tmp_path / "one.jsonl"
    for rows, message in [
        ('{"text": "a", "vector": [1, 0]}\n', "holds 1 passages; expected at least 3"),
        ("", "holds no passages"),
        ("\n\n", "holds no passages"),
    ]:
        file.write_text(rows)
        assert message in refused("doctor", file)


def test_wilsons_interval_by_hand() -> None:
    assert wilson(0, 10) == pytest.approx((0.0, 0.2775), abs=1e-3)
    assert wilson(5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-3)
