"""The four forms of a row: plain, LangSmith's, Ragas' and DeepEval's."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sift_retrievers.evaluation.cells import (
    is_absent,
    listed,
    name_of,
    parsed,
    question_of,
    text_of,
)
from sift_retrievers.evaluation.question import Question
from sift_retrievers.evaluation.rows import Row

QUESTION: Final = ("question", "query", "user_input", "input", "prompt", "messages")
ANSWER: Final = ("answer", "expected_answer", "reference", "reference_answer", "ground_truth")
OUTPUT: Final = (*ANSWER, "expected_output", "output", "response")
NAMES: Final = (
    "gold",
    "gold_id",
    "gold_ids",
    "relevant",
    "relevant_id",
    "relevant_ids",
    "reference_context_ids",
)
TEXTS: Final = (
    "gold_text",
    "gold_texts",
    "gold_passages",
    "relevant_texts",
    "relevant_passages",
    "passages",
    "reference_contexts",
)
DOCUMENTS: Final = (*TEXTS, "contexts", "context", "documents", "docs")
"""In the reference outputs of a LangSmith example, where retrieved passages have no place."""
DEEPEVAL: Final = ("expected_output", "context", "retrieval_context", "actual_output")
RAGAS_OLD: Final = ("ground_truth", "ground_truths", "contexts", "evolution_type")

_HOP: Final = re.compile(r"^<\d+-hop>\s*")
"""Ragas writes it before the contexts of questions that need several."""


@dataclass(frozen=True)
class Format:
    """A form of rows: how it is told from the others, and how it is read."""

    name: str
    fits: Callable[[Row], bool]
    question: Callable[[Row], Question]
    fields: str
    """For a message: what a row of this form holds."""


def _deepeval(row: Row) -> Question:
    text = _asked(row.take("input"))
    answer = _answer(row.take("expected_output"))
    # `save_as` writes lists into JSON, and text with "|" between the entries into JSONL and CSV.
    names, texts = _gold((), listed(row.take("context"), "|"))
    return Question(text, names, texts, answer, row.rest)


def _ragas(row: Row) -> Question:
    text = _asked(row.take("user_input", "question"))
    answer = _answer(row.take("reference", "ground_truth", "ground_truths"))
    given = row.take("reference_contexts")
    if given is None and "evolution_type" in row.keys:
        # A test set of Ragas before 0.2. In its evaluations, `contexts` is what was retrieved.
        given = row.take("contexts")
    contexts = [_HOP.sub("", entry) if isinstance(entry, str) else entry for entry in listed(given)]
    names, texts = _gold(listed(row.take("reference_context_ids")), contexts)
    return Question(text, names, texts, answer, row.rest)


def _langsmith(row: Row) -> Question:
    inputs = _part(row, "inputs", "inputs.", "input_")
    outputs = _part(row, "outputs", "outputs.", "output_")
    reference = _part(row, "reference_outputs", "reference.", "reference_")
    right = Row(row.place, reference or outputs)
    asked = Row(row.place, inputs)
    text = _asked(_main(asked, QUESTION, "inputs"))
    found = _gold(listed(right.take(*NAMES)), listed(right.take(*DOCUMENTS)))
    answer = _answer(_main(right, OUTPUT, "outputs")) if right.keys else None
    # The output of the model that was evaluated, and what else the inputs and outputs hold.
    left = {"inputs": asked.rest, "reference" if reference else "outputs": right.rest}
    if reference and outputs:
        left["outputs"] = outputs
    extra = row.rest | {key: value for key, value in left.items() if value}
    return Question(text, *found, answer, extra)


def _plain(row: Row) -> Question:
    text = _asked(row.take("question", "query", "input"))
    answer = _answer(row.take(*OUTPUT))
    given = row.take(*NAMES)
    names = parsed(given)
    texts = listed(row.take(*TEXTS))
    if isinstance(names, Mapping) and text_of(names) is None and name_of(names) is None:
        facets = {name: listed(said) for name, said in names.items()}
        return Question(text, facets, _gold((), texts)[1], answer, row.rest)
    return Question(text, *_gold(listed(given, "|"), texts), answer, row.rest)


FORMATS: Final = (
    Format(
        "DeepEval",
        lambda row: "input" in row.keys and any(key in row.keys for key in DEEPEVAL),
        _deepeval,
        "input, expected_output, context",
    ),
    Format(
        "LangSmith",
        lambda row: (
            "inputs" in row.keys or any(re.match(r"inputs\.|input_", key) for key in row.keys)
        ),
        _langsmith,
        "inputs, outputs",
    ),
    Format(
        "Ragas",
        lambda row: (
            "user_input" in row.keys
            or ("question" in row.keys and any(key in row.keys for key in RAGAS_OLD))
        ),
        _ragas,
        "user_input, reference, reference_contexts",
    ),
    Format(
        "plain",
        lambda row: any(key in row.keys for key in ("question", "query", "input")),
        _plain,
        "question, gold (names of passages) or gold_texts, answer",
    ),
)


def _part(row: Row, whole: str, *prefixes: str) -> dict[str, Any]:
    """The inputs or outputs of an example: one mapping, or a field for each of its entries."""
    value = parsed(row.take(whole))
    if isinstance(value, Mapping):
        return dict(value)
    value = None if value == "null" else value
    return row.take_with(*prefixes) if is_absent(value) else {whole.removesuffix("s"): value}


def _main(row: Row, names: tuple[str, ...], part: str) -> Any:
    """The question or the answer of an example: by a usual name, or the only text that is there.

    Raises:
        ValueError: if the question is not found.
    """
    value = row.take(*names)
    if value is not None:
        inner = parsed(value)
        return _main(Row(row.place, inner), names, part) if _nested(inner) else value
    texts = {key: own for key, own in row.keys.items() if isinstance(row.fields[own], str)}
    if len(texts) == 1:
        return row.take(*texts)
    if part == "outputs":
        return None
    raise ValueError(
        f"{row.place} has the {part} {sorted(row.keys.values())}; expected one of "
        f"{', '.join(names)}, or a single text"
    )


def _nested(value: Any) -> bool:
    """Whether a value holds fields of its own, rather than a message or a document."""
    return isinstance(value, Mapping) and text_of(value) is None


def _asked(value: Any) -> str:
    """The question in a field: text, or a list of messages with one of the user."""
    inner = parsed(value) if isinstance(value, str) and value.lstrip()[:2] == "[{" else value
    if isinstance(inner, Mapping) and text_of(inner) is not None:
        inner = [inner]
    if isinstance(inner, list):
        return question_of(inner)
    if not isinstance(inner, str):
        raise ValueError(f"a question must be text; got {str(inner)[:80]!r}")
    return inner.strip()


def _answer(value: Any) -> str | None:
    """The answer in a field; several that are right are written one below the other."""
    texts = [
        text if (text := text_of(entry)) is not None else str(entry) for entry in listed(value)
    ]
    return "\n".join(texts) or None


def _gold(names: Any, texts: Any) -> tuple[list[Hashable], list[str]]:
    """Names and texts of gold passages. Either list may hold documents, with both of them."""
    found_names: list[Hashable] = []
    found_texts: list[str] = []
    for entry, is_name in [*((one, True) for one in names), *((one, False) for one in texts)]:
        if isinstance(entry, Mapping):
            name, text = name_of(entry), text_of(entry)
            if name is None and text is None:
                raise ValueError(f"a gold passage has neither an id nor a text: {str(entry)[:80]}")
            found_names += [] if name is None else [name]
            found_texts += [] if text is None else [text]
        elif is_name and isinstance(entry, str | int):
            found_names.append(entry.strip() if isinstance(entry, str) else entry)
        elif not is_name and isinstance(entry, str):
            found_texts.append(entry)
        else:
            wanted = "names" if is_name else "texts"
            raise ValueError(
                f"gold passages must be {wanted} or documents; got {str(entry)[:80]!r}"
            )
    return found_names, found_texts
