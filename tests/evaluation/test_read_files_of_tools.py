"""Files that LangSmith, Ragas and DeepEval wrote give the questions that went into them."""

from __future__ import annotations

from pathlib import Path

import pytest
from write_files import ANSWERS, CONTEXTS, IDS, QUESTIONS, RETRIEVED

from sift_retrievers.evaluation import Question, read_questions
from sift_retrievers.evaluation.cells import parsed

FILES = Path(__file__).parent / "files"
WITH_CONTEXTS = (
    "deepeval.csv",
    "deepeval.json",
    "deepeval.jsonl",
    "deepeval_aliases.json",
    "langsmith.jsonl",
    "langsmith_command.json",
    "langsmith_experiment.csv",
    "langsmith_page.csv",
    "ragas.csv",
    "ragas.jsonl",
    "ragas_datasets.csv",
    "ragas_datasets.json",
    "ragas_old_testset.json",
    "ragas_pandas.csv",
    "ragas_testset.jsonl",
)


def parts(questions: list[Question]) -> list[tuple[object, ...]]:
    return [(one.text, one.gold, one.gold_texts, one.answer) for one in questions]


@pytest.mark.parametrize("name", WITH_CONTEXTS)
def test_question_answer_and_gold_texts(name: str) -> None:
    wanted = [
        (question, (), tuple(gold), answer)
        for question, gold, answer in zip(QUESTIONS, CONTEXTS, ANSWERS, strict=True)
    ]
    assert parts(read_questions(FILES / name)) == wanted


def test_ids_of_ragas() -> None:
    found = read_questions(FILES / "ragas_ids.jsonl")
    wanted = [(text, tuple(ids), (), None) for text, ids in zip(QUESTIONS, IDS, strict=True)]
    assert parts(found) == wanted


def test_what_old_ragas_retrieved_is_no_gold() -> None:
    found = read_questions(FILES / "ragas_old.csv")
    wanted = [(text, (), (), answer) for text, answer in zip(QUESTIONS, ANSWERS, strict=True)]
    assert parts(found) == wanted
    assert [parsed(one.extra["contexts"]) for one in found] == RETRIEVED
    assert found[0].extra["answer"] == "I do not know."


def test_every_other_field_is_kept() -> None:
    first = read_questions(FILES / "deepeval.json")[0]
    assert first.extra["source_file"] == "harbour.md"
    assert first.extra["additional_metadata"] == {"level": 1}
    assert first.extra["retrieval_context"][:2] == RETRIEVED[0]
    assert not {"input", "expected_output", "context"} & {*first.extra}
    experiment = read_questions(FILES / "langsmith_experiment.csv")[0]
    assert experiment.extra["outputs"] == {"answer": "I do not know 45."}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("ragas_conversation.jsonl", "row 1 of .*: a conversation with 2 messages of the user"),
        ("deepeval_conversation.json", "row 1 of .* is a conversation of DeepEval"),
        ("versions.json", r"row 1 of versions.json has the fields \['ragas', .*expected .*plain"),
    ],
)
def test_conversations_and_other_files_are_refused(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_questions(FILES / name)


def test_every_file_is_tested() -> None:
    apart = {"ragas_ids.jsonl", "ragas_old.csv", "ragas_conversation.jsonl"}
    apart |= {"deepeval_conversation.json", "versions.json"}
    assert {file.name for file in FILES.iterdir()} == {*WITH_CONTEXTS} | apart
