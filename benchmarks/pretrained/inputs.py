"""All that the jobs need, without any data set or embedding model: made once, kept in a folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.pretrained.methods import METHODS, STEPS
from benchmarks.test_time.choosers import Choice

FILE = "inputs.json"
THE_DEFAULT = "the default"
CONTEXTS = ("similarity search", "the default of version 0.1", THE_DEFAULT)
"""What finds the passages of a question."""


@dataclass(frozen=True)
class TextItem:
    """A text to be predicted, and what each method chooses for it."""

    text: str
    domain: str
    choices: Mapping[str, Choice]
    """Label of a method → passages of the memory."""


@dataclass(frozen=True)
class Question:
    """A question of a set, and the passages that were found for it."""

    set: str
    text: str
    answers: tuple[str, ...]
    passages: Mapping[str, tuple[str, ...]]
    """What found them → at most ten, the best first, cut to what the model is shown."""


@dataclass(frozen=True)
class Inputs:
    """Texts, questions and the memory."""

    memory: tuple[str, ...]
    texts: tuple[TextItem, ...]
    """Any first ones of them are spread over the domains."""
    questions: tuple[Question, ...]
    """The sets take turns."""
    development: tuple[TextItem, ...]
    """Other texts; settings are chosen on these and the next alone."""
    development_questions: tuple[Question, ...]

    def first(self, texts: int, questions: int) -> Inputs:
        """Of the first texts and the first questions of each set.

        Raises:
            ValueError: if there are fewer.
        """
        sets = list(dict.fromkeys(question.set for question in self.questions))
        wanted = {
            "texts": (texts, len(self.texts)),
            "questions": (questions * len(sets), len(self.questions)),
        }
        for name, (asked, there) in wanted.items():
            if asked > there:
                raise ValueError(f"{asked} {name} were asked for; there are {there}")
        some = self.questions[: questions * len(sets)]
        return replace(self, texts=self.texts[:texts], questions=some)


def save(inputs: Inputs, folder: Path) -> None:
    """Write the inputs into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_text(json.dumps(asdict(inputs)), encoding="utf-8")


def read(folder: Path) -> Inputs:
    """The inputs that `save` wrote.

    Raises:
        FileNotFoundError: if there are none.
        ValueError: if they were made for other methods.
    """
    content = json.loads((folder / FILE).read_text(encoding="utf-8"))
    inputs = Inputs(
        memory=tuple(content["memory"]),
        texts=tuple(map(_text, content["texts"])),
        questions=tuple(map(_question, content["questions"])),
        development=tuple(map(_text, content["development"])),
        development_questions=tuple(map(_question, content["development_questions"])),
    )
    labels = {method.label for method in METHODS}
    for text in inputs.texts:
        if text.choices.keys() != labels:
            raise ValueError(
                f"{folder} was prepared for the methods {sorted(text.choices)}, not for "
                f"{sorted(labels)}: prepare it again"
            )
    return inputs


def _text(row: Mapping[str, Any]) -> TextItem:
    choices = {
        label: Choice(tuple(choice["origins"]), choice["similarity"], tuple(choice["sigma"]))
        for label, choice in row["choices"].items()
    }
    return TextItem(row["text"], row["domain"], choices)


def _question(row: Mapping[str, Any]) -> Question:
    passages = {name: tuple(texts) for name, texts in row["passages"].items()}
    return Question(row["set"], row["text"], tuple(row["answers"]), passages)


def shortened(choice: Choice) -> Choice:
    """A choice of as many passages as are trained on."""
    return Choice(choice.origins[:STEPS], choice.similarity, choice.sigma[: STEPS + 1])
