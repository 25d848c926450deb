"""`read_questions`: the questions of a file; `as_questions`: those that a caller gave."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from os import PathLike, fspath
from pathlib import Path
from typing import TypeAlias

from sift_retrievers.evaluation.formats import FORMATS, Format
from sift_retrievers.evaluation.question import Question
from sift_retrievers.evaluation.rows import Row, read_rows

Questions: TypeAlias = str | PathLike[str] | Iterable[str | Question]
"""The path of a file, or texts and `Question`s in a list."""


def read_questions(path: str | PathLike[str]) -> list[Question]:
    """Read questions with their gold passages from a file.

    The form is told from the fields of the rows:

    - plain: `question` (or `query`), `gold` (names of passages, or a mapping from names to facets),
      `gold_texts`, `answer`.
    - LangSmith: `inputs` and `outputs`, in the JSONL and CSV of its pages, the JSON of its command,
      and `to_pandas().to_csv` of an experiment, whose `reference` is then used.
    - Ragas: `user_input`, `reference`, `reference_contexts`, `reference_context_ids`. Before Ragas
      0.2: `question`, `ground_truth`. `contexts` are gold passages in a test set, which has
      `evolution_type`; elsewhere they are what was retrieved, and are not gold.
    - DeepEval: `input`, `expected_output`, `context`, in the JSON, JSONL and CSV of `save_as`.

    Fields may be named in other cases and with spaces ("Expected output", "expectedOutput"). Empty
    fields and NaN are as good as missing. Fields that are not used are kept in `Question.extra`.

    Args:
        path: a file that ends in .jsonl, .ndjson, .json, .csv or .tsv, or in one of these and .gz.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: for a file that cannot be read, that is empty, whose rows are of different
            forms, or with a row that fits none. The message names the row.
    """
    file = Path(fspath(path))
    rows = read_rows(file)
    if not rows:
        raise ValueError(f"{file.name} holds no questions")
    used = _format_of(rows[0])
    questions = []
    for row in rows:
        form = _format_of(row)
        if form is not used:
            raise ValueError(
                f"{rows[0].place} has the fields of a {used.name} file, {row.place} those of a "
                f"{form.name} file; expected one form in a file"
            )
        try:
            questions.append(used.question(row))
        except (TypeError, ValueError) as error:
            message = str(error)
            place = "" if message.startswith(row.place) else f"{row.place}: "
            raise ValueError(f"{place}{message}") from None
    return questions


def _format_of(row: Row) -> Format:
    """The form of a row.

    Raises:
        ValueError: if it is of none, with what was expected.
    """
    if "scenario" in row.keys and "input" not in row.keys:
        raise ValueError(f"{row.place} is a conversation of DeepEval; expected single questions")
    for form in FORMATS:
        if form.fits(row):
            return form
    expected = "; ".join(f"{form.fields} ({form.name})" for form in FORMATS[::-1])
    raise ValueError(
        f"{row.place} has the fields {[*row.keys.values()]}; expected those of a known form: "
        f"{expected}"
    )


def as_questions(given: Questions) -> list[Question]:
    """The questions that a caller gave: the path of a file, or texts and `Question`s in a list.

    Raises:
        FileNotFoundError: for a path at which there is no file.
        TypeError: for anything else than a path or an iterable of texts and `Question`s.
        ValueError: for a text that is blank, or a file that `read_questions` refuses.
    """
    if isinstance(given, str | PathLike):
        if not _is_file(Path(fspath(given))):
            raise FileNotFoundError(
                "questions must be texts in a list, or the path of a file; there is no file "
                f"{fspath(given)[:200]!r}"
            )
        return read_questions(given)
    if isinstance(given, bytes | Mapping) or not isinstance(given, Iterable):
        raise TypeError(
            f"questions must be texts in a list, or the path of a file; got {type(given).__name__}"
        )
    questions = []
    for i, one in enumerate(given):
        if not isinstance(one, str | Question):
            raise TypeError(f"questions must be texts or Question objects; number {i} is {one!r}")
        try:
            questions.append(one if isinstance(one, Question) else Question(one))
        except ValueError as error:
            raise ValueError(f"question {i}: {error}") from None
    return questions


def _is_file(path: Path) -> bool:
    """Whether there is such a file. Of a text that is too long for a path, there is none."""
    try:
        return path.is_file()
    except OSError:
        return False
