"""Gold passages are found by name and by text, and counted."""

from __future__ import annotations

from typing import Any

import pytest

from sift_retrievers.evaluation import Question, gold_among
from sift_retrievers.metrics import coverage_curve

LONG = "The lighthouse of Norderhaven was built in 1871, by order of the harbour office."


def found_by_text(gold: str, text: str) -> bool:
    return bool(gold_among(Question("Who?", gold_texts=[gold]), [None], [text]).found)


@pytest.mark.parametrize(
    "text",
    [
        LONG,
        f"Before. {LONG} After.",
        "the   LIGHTHOUSE of\nnorderhaven, was built in 1871 — by order of the harbour office",
        "<p>The <b>lighthouse</b> of Norderhaven&nbsp;was built in 1871</p>",
        "was built in 1871, by order of",
        "The light\uff4douse of Norderhaven was built".replace("\uff4d", "h"),
    ],
)
def test_a_text_is_found_in_what_holds_it_or_is_part_of_it(text: str) -> None:
    assert found_by_text(LONG, text)
    assert found_by_text(text, LONG)


@pytest.mark.parametrize(
    ("gold", "text"),
    [
        (LONG, "The lighthouse of Norderhaven was built in 1872."),
        ("1871", LONG),
        (LONG, "in 1871"),
        ("", LONG),
        ("***", LONG),
        ("***", "---"),
        ("a", "a b"),
    ],
)
def test_other_texts_and_short_parts_are_not(gold: str, text: str) -> None:
    if gold:
        assert not found_by_text(gold, text)
    assert not found_by_text(text, gold or "***")


def test_short_texts_are_found_as_a_whole_and_scripts_count_alike() -> None:
    assert found_by_text("In 1871.", "in 1871")
    assert found_by_text("灯塔建于一八七一年", "资料显示灯塔建于一八七一年。")
    assert found_by_text("Maße der Türme und Fähren", "MASSE DER TÜRME UND FÄHREN, 2. Auflage")


def test_coverage_counts_what_is_missing_and_each_gold_text_once() -> None:
    question = Question("Who?", gold_texts=[LONG, "Brandt's novels were printed from 1928 on."])
    texts = ["Nothing.", LONG[:40], LONG[40:], "More of nothing."]
    among = gold_among(question, ["a", "a", "b", "c"], texts)
    assert (among.found, among.total, among.by_text) == (1, 2, True)
    assert coverage_curve([0, 1, 2, 3], among.judgements).tolist() == [0, 0.5, 0.5, 0.5]


def test_names_are_equal_as_strings_and_chunks_share_them() -> None:
    among = gold_among(Question("Who?", ["12", 7]), [12, "7", 12, None, 3])
    assert (among.found, among.total, among.by_text) == (2, 2, False)
    assert coverage_curve([4, 2, 0, 1], among.judgements).tolist() == [0, 0.5, 0.5, 1]


def test_facets_are_shared() -> None:
    question = Question("Who?", {"a": ["when"], "b": ["when"], "c": ["where"]})
    among = gold_among(question, ["b", "a", "x"])
    assert (among.found, among.total) == (2, 3)
    assert coverage_curve([0, 1, 2], among.judgements).tolist() == [0.5, 0.5, 0.5]


def test_texts_are_looked_for_where_no_name_is_known() -> None:
    question = Question("Who?", ["elsewhere"], [LONG])
    assert gold_among(question, ["a"], [LONG]).by_text
    assert not gold_among(question, ["elsewhere"], ["Nothing."]).by_text
    assert gold_among(question, ["a"]).found == 0
    assert gold_among(Question("Who?", gold_texts=[LONG]), ["a"]).found == 0


@pytest.mark.parametrize(
    ("question", "names", "texts", "message"),
    [
        (Question("Who?"), ["a"], None, "has no gold passages"),
        (Question("Who?", ["a"]), ["a"], ["x", "y"], "got 1 and 2"),
    ],
)
def test_what_cannot_be_judged_is_refused(
    question: Question, names: Any, texts: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        gold_among(question, names, texts)


def test_without_passages_nothing_is_found() -> None:
    among = gold_among(Question("Who?", ["a"]), [], [])
    assert (among.found, among.total) == (0, 1)
