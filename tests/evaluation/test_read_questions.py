"""`read_questions` on plain files, and on files that are odd or wrong."""

from __future__ import annotations

import gzip
import json
import math
from pathlib import Path
from typing import Any

import pytest

from sift_retrievers.evaluation import Question, as_questions, read_questions


@pytest.fixture
def write(tmp_path: Path) -> Any:
    """Writes a file and returns its path."""

    def written(name: str, content: Any) -> Path:
        file = tmp_path / name
        if isinstance(content, bytes):
            file.write_bytes(content)
        else:
            text = content if isinstance(content, str) else json.dumps(content)
            file.write_text(text, encoding="utf-8")
        return file

    return written


def only(file: Path) -> Question:
    [question] = read_questions(file)
    return question


@pytest.mark.parametrize(
    ("row", "wanted"),
    [
        ({"question": "Who?"}, Question("Who?")),
        ({"query": " Who?\n", "relevant_ids": [1, "b"]}, Question("Who?", [1, "b"])),
        ({"Question": "Who?", "Gold IDs": "a"}, Question("Who?", ["a"])),
        (
            {"question": "Who?", "gold": ["a", None, "", math.nan, "a"]},
            Question("Who?", ["a"]),
        ),
        (
            {"question": "Who?", "gold": {"a": ["when", "where"], "b": "when"}},
            Question("Who?", {"a": ["when", "where"], "b": ["when"]}),
        ),
        (
            {"question": "Who?", "gold_texts": "Ida | and me.", "answer": ["Ida", "I."]},
            Question("Who?", gold_texts=["Ida | and me."], answer="Ida\nI."),
        ),
        (
            {"question": "Who?", "passages": [{"id": "a", "page_content": "<b>Ida</b>"}]},
            Question("Who?", ["a"], ["<b>Ida</b>"]),
        ),
        (
            {"question": "Who?", "gold": [{"kwargs": {"page_content": "Ida", "id": "a"}}]},
            Question("Who?", ["a"], ["Ida"]),
        ),
        ({"question": "Who?", "level": 3}, Question("Who?", extra={"level": 3})),
        ({"question": "🦜 哪里?", "answer": 1871}, Question("🦜 哪里?", answer="1871")),
    ],
)
def test_a_plain_row(row: Any, wanted: Question, write: Any) -> None:
    assert only(write("q.json", [row])) == wanted
    assert only(write("q.jsonl", json.dumps(row) + "\n\n")) == wanted


@pytest.mark.parametrize(
    ("inputs", "outputs", "wanted"),
    [
        ({"question": "Who?"}, {"answer": "Ida"}, Question("Who?", answer="Ida")),
        ({"anything": "Who?"}, {"any": "Ida"}, Question("Who?", answer="Ida")),
        ({"input": {"question": "Who?"}}, None, Question("Who?")),
        ({"messages": [{"role": "user", "content": "Who?"}]}, {}, Question("Who?")),
        (
            {"messages": [["system", "Be kind."], ["human", "Who?"]]},
            {"output": {"content": "Ida", "role": "assistant"}},
            Question("Who?", answer="Ida"),
        ),
        (
            {"messages": [{"type": "human", "content": [{"type": "text", "text": "Who?"}]}]},
            {"documents": [{"page_content": "Ida", "metadata": {}}]},
            Question("Who?", gold_texts=["Ida"]),
        ),
        (
            {"question": "Who?", "chat_history": []},
            {"answer": "Ida", "relevant_ids": ["a"], "level": 2},
            Question(
                "Who?",
                ["a"],
                answer="Ida",
                extra={"inputs": {"chat_history": []}, "outputs": {"level": 2}},
            ),
        ),
    ],
)
def test_examples_of_langsmith(inputs: Any, outputs: Any, wanted: Question, write: Any) -> None:
    example = {"inputs": inputs} if outputs is None else {"inputs": inputs, "outputs": outputs}
    assert only(write("q.jsonl", example)) == wanted
    cells = [json.dumps(part).replace('"', '""') for part in (inputs, outputs)]
    assert only(write("q.csv", f'inputs,outputs\n"{cells[0]}","{cells[1]}"\n')) == wanted


def test_ragas_marks_the_contexts_of_questions_with_several(write: Any) -> None:
    contexts = ["<1-hop>\n\nIda wrote it.", "<2-hop>\n\nIn <b>1932</b>."]
    found = only(write("q.jsonl", {"user_input": "Who?", "reference_contexts": contexts}))
    assert found.gold_texts == ("Ida wrote it.", "In <b>1932</b>.")


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_tables_of_spreadsheets(separator: str, write: Any) -> None:
    lines = [["question", "gold"], ["Who?", "a|b"], ["", ""], ["When?", "c"]]
    text = "\ufeff" + "\r\n".join(separator.join(line) for line in lines)
    found = read_questions(write("q.csv", text))
    assert found == [Question("Who?", ["a", "b"]), Question("When?", ["c"])]


def test_long_cells_columns_and_packed_files(write: Any) -> None:
    long = "word " * 100_000
    [found] = read_questions(write("q.csv", f'question,gold_texts\nWho?,"{long}"\n'))
    assert found.gold_texts == (long,)
    by_columns = {"question": ["Who?", "When?"], "gold": [["a"], ["b"]]}
    wanted = [Question("Who?", ["a"]), Question("When?", ["b"])]
    assert read_questions(write("lists.json", by_columns)) == wanted
    by_rows = {key: dict(enumerate(column)) for key, column in by_columns.items()}
    assert read_questions(write("pandas.json", by_rows)) == wanted
    lines = "\n".join(json.dumps({"question": one.text, "gold": [*one.gold]}) for one in wanted)
    assert read_questions(write("q.JSONL.gz", gzip.compress(lines.encode()))) == wanted
    assert read_questions(write("q.v2.json", lines)) == wanted


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("q.jsonl", "", "q.jsonl holds no questions"),
        ("q.json", "[]", "q.json holds no questions"),
        ("q.csv", "question,gold\n", "q.csv holds no questions"),
        ("q.csv", "", "q.csv holds no questions"),
        ("q.xlsx", b"PK", "must end in .json, .*; got 'q.xlsx'"),
        ("q", "{}", "must end in .json, .*; got 'q'"),
        ("q.json.gz", b"no gzip", "cannot be unpacked"),
        ("q.csv", "größe".encode("latin-1"), "must be text in UTF-8"),
        ("q.jsonl", '{"question": "Who?"}\n{"question": ', "line 2 of q.jsonl is no JSON"),
        ("q.json", '{\n"question": "Who?",\n}', "line 1 of q.json is no JSON: .*line 3"),
        ("q.json", "[" * 100_000, "nested too deeply|no JSON"),
        ("q.json", '["Who?"]', "row 1 of q.json must be a JSON object; got 'Who"),
        ("q.json", "3", "row 1 of q.json must be a JSON object"),
        ("q.csv", "question\nWho?\nWhen?,x\n", "row 2 of q.csv has 2 cells; the header has 1"),
        ("q.csv", 'question\n"Who?\n', "q.csv is no CSV"),
        ("q.csv", "question,question\nWho?,x\n", "more than one column named 'question'"),
        ("q.json", [{"text": "Who?"}], r"fields \['text'\]; expected those of a known form"),
        ("q.json", [{"question": " "}], "expected those of a known form"),
        ("q.json", [{"question": ["Who?"]}], "row 1 of q.json: a conversation with 0 messages"),
        ("q.json", [{"question": 3}], "row 1 of q.json: a question must be text; got '3'"),
        ("q.json", [{"question": "Who?", "gold": [1.5]}], "row 1 .* must be names or documents"),
        ("q.json", [{"question": "Who?", "gold_texts": [3]}], "row 1 .* must be texts or"),
        ("q.json", [{"question": "Who?", "passages": [{"page": 1}]}], "neither an id nor a text"),
        ("q.json", [{"question": "Who?", "Question": "When?"}], "two fields 'question' and"),
        ("q.json", [{"inputs": {"a": "Who?", "b": "x"}}], r"the inputs \['a', 'b'\]; expected one"),
        (
            "q.json",
            [{"question": "Who?"}, {"user_input": "When?"}],
            "row 1 of q.json has the fields of a plain file, row 2 of q.json those of a Ragas",
        ),
    ],
)
def test_wrong_files_are_refused_with_their_place(
    name: str, content: Any, message: str, write: Any
) -> None:
    with pytest.raises(ValueError, match=message):
        read_questions(write(name, content))


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_questions(tmp_path / "none.jsonl")
    with pytest.raises(FileNotFoundError, match="there is no file 'Who wrote it"):
        as_questions("Who wrote it?")
    with pytest.raises(FileNotFoundError, match="there is no file 'Who"):
        as_questions(1_000 * "Who wrote it? ")
    (tmp_path / "q.jsonl").mkdir()
    with pytest.raises(FileNotFoundError):
        as_questions(tmp_path / "q.jsonl")


def test_questions_that_a_caller_gives(write: Any) -> None:
    known = Question("When?", ["a"])
    assert as_questions(["Who?", known]) == [Question("Who?"), known]
    assert as_questions(str(write("q.json", [{"question": "Who?"}]))) == [Question("Who?")]
    with pytest.raises(TypeError, match="number 1 is None"):
        as_questions(["Who?", None])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="got NoneType"):
        as_questions(None)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="got dict"):
        as_questions({"question": "Who?"})
    with pytest.raises(ValueError, match=r"question 1: .*blank"):
        as_questions(["Who?", " "])


@pytest.mark.parametrize(
    "wrong",
    [
        {"gold": "a"},
        {"gold_texts": "a"},
        {"gold_texts": [3]},
        {"gold": {"a": "when"}},
        {"gold": {"a": [{}]}},
        {"gold": [["a"]]},
        {"answer": 3},
        {"text": None},
    ],
)
def test_a_question_of_wrong_parts_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="must "):
        Question(**{"text": "Who?"} | wrong)
