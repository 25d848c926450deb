"""`sift compare`: three methods on a user's questions."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from made_facts import Command, Facts

from sift_retrievers.cli.corpus import Corpus
from sift_retrievers.cli.methods import mmr
from sift_retrievers.cli.repetition import Repetition


def test_coverage_and_repetition_with_their_intervals(
    sift: Command, repeated: Facts, tmp_path: Path
) -> None:
    corpus, questions = repeated.write(tmp_path)
    found = sift("compare", corpus, questions, "-k", 3, "--json")
    assert found.code == 0
    result = found.json
    assert (result["questions"], result["questions_with_gold"]) == (24, 24)
    assert result["gold_among_candidates"] == result["gold"] == 24 * 5
    methods = result["methods"]
    assert methods["SIFT"]["coverage"]["mean"] == pytest.approx(1.0, abs=0.05)
    assert methods["similarity search"]["coverage"]["mean"] < 0.7
    assert methods["similarity search"]["repeated"]["mean"] > 0.5
    assert methods["SIFT"]["repeated"]["mean"] == 0
    change = result["sift_minus"]["similarity search"]["coverage"]
    assert change["low"] <= change["mean"] <= change["high"]
    means = [methods[name]["coverage"]["mean"] for name in ("SIFT", "similarity search")]
    assert change["mean"] == pytest.approx(means[0] - means[1])
    shown = sift("compare", corpus, questions, "-k", 3).out
    assert "SIFT minus …" in shown
    assert shown.count("similarity search") == 2


def test_without_gold_passages_repetition_alone(
    sift: Command, repeated: Facts, tmp_path: Path
) -> None:
    corpus, questions = repeated.write(tmp_path)
    rows = [{k: q[k] for k in ("question", "vector")} for q in repeated.questions]
    questions.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = sift("compare", corpus, questions, "-k", 3, "--json")
    assert found.code == 0
    assert found.json["methods"]["SIFT"]["coverage"] is None
    assert "coverage" not in sift("compare", corpus, questions, "-k", 3).out


def test_long_texts_in_place_of_names_are_told_in_short(
    sift: Command, repeated: Facts, tmp_path: Path
) -> None:
    corpus, questions = repeated.write(tmp_path)
    rows = [{**one, "gold": ["No passage says this. " * 100]} for one in repeated.questions]
    questions.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = sift("compare", corpus, questions)
    assert found.code == 2
    assert "Texts go under gold_texts, names under gold" in found.err
    assert len(found.err) < 500


def test_exit_code_1_where_sift_finds_less(sift: Command, repeated: Facts, tmp_path: Path) -> None:
    corpus, questions = repeated.write(tmp_path)
    for one in repeated.questions:  # only the copies are gold, each for itself
        one["gold"] = [name for name, facets in one["gold"].items() if facets == ["first"]]
    questions.write_text("".join(json.dumps(one) + "\n" for one in repeated.questions))
    found = sift("compare", corpus, questions, "-k", 4, "--json")
    assert found.code == 1
    assert found.json["sift_minus"]["similarity search"]["coverage"]["high"] < 0
    doctor = sift("doctor", corpus, "--questions", questions, "-k", 4, "--json")
    assert doctor.code == 1
    assert "SIFT finds less here" in doctor.json["verdict"]


def test_gold_passages_by_metadata_and_by_text(
    sift: Command, repeated: Facts, tmp_path: Path
) -> None:
    corpus, questions = repeated.write(tmp_path)
    for i, one in enumerate(repeated.questions):
        one["gold"] = [i]
    questions.write_text("".join(json.dumps(one) + "\n" for one in repeated.questions))
    found = sift("compare", corpus, questions, "--passage", "topic", "-k", 3, "--json")
    assert found.json["methods"]["similarity search"]["coverage"]["mean"] == 1.0
    ragas = tmp_path / "ragas.jsonl"
    rows = [
        {"user_input": q["question"], "reference_contexts": [repeated.texts[i * 7]], "vector": v}
        for i, q in enumerate(repeated.questions)
        for v in [q["vector"]]
    ]
    ragas.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = sift("compare", corpus, ragas, "-k", 3, "--json")
    assert found.json["questions_with_gold"] == 24


def test_mmr_is_langchains() -> None:
    utils = pytest.importorskip("langchain_core.vectorstores.utils")
    random = np.random.default_rng(0)
    for lambda_mult in (0.0, 0.3, 0.5, 1.0):
        query = random.normal(size=8).astype(np.float32)
        vectors = random.normal(size=(30, 8)).astype(np.float32)
        expected = utils.maximal_marginal_relevance(
            query, [*vectors], lambda_mult=lambda_mult, k=10
        )
        assert mmr(query, vectors, 10, lambda_mult) == [int(i) for i in expected]
    assert len(mmr(query, vectors[:3], 10)) == 3
    assert mmr(query, vectors[:0], 10) == []


def test_which_passages_repeat_others() -> None:
    texts = [
        "the quick brown fox jumps over the lazy dog",
        "The quick, brown fox: jumps over the lazy dog!",
        "long ago the quick brown fox jumps over the lazy dog and sleeps for a while",
        "something else entirely, of which nothing is known",
        "東京は日本の首都であり、世界最大の都市の一つです。",
        "東京は日本の首都であり、世界最大の都市の一つです",
        "",
        "",
    ]
    vectors = np.eye(8, dtype=np.float32)
    vectors[7] = vectors[6]
    repetition = Repetition(Corpus("it", [None] * 8, texts, [{}] * 8, vectors))
    assert repetition.share(0, 2) == 1.0
    assert 0.4 < repetition.share(2, 0) < 0.6
    assert repetition.repeated([0, 1, 3]) == pytest.approx(1 / 3)
    assert repetition.repeated([4, 5]) == 0.5
    assert repetition.repeated([6, 7]) == 0.5  # by their vectors
    assert repetition.repeated([]) == 0.0
    assert repetition.copies(100, neighbours=7).exact == 3
