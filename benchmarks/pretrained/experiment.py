"""The benchmark: what is trained and predicted for each text and each question."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from benchmarks.pretrained.inputs import CONTEXTS, THE_DEFAULT, Inputs, Question, TextItem
from benchmarks.pretrained.jobs import Answer, HeldOutText, Job, Outcome, Site, View, outcomes
from benchmarks.pretrained.methods import (
    HALF,
    LEARNING_RATE,
    METHODS,
    NEAREST,
    SHOWN,
    Method,
)
from benchmarks.pretrained.model import Recipe

ANSWER_STEPS = 10
PLAIN = Recipe(LEARNING_RATE)
AFTER_ANOTHER = Recipe(LEARNING_RATE, before=1)
ANSWER_VIEWS = (
    *(View(steps, shown) for steps in (0, ANSWER_STEPS) for shown in (0, SHOWN)),
    *(View(ANSWER_STEPS, shown, HALF) for shown in (0, SHOWN)),
)

Values = npt.NDArray[np.float64]
Item = TypeVar("Item")


class NothingMeasuredError(Exception):
    """The time was up before two texts were complete."""


@dataclass(frozen=True)
class Way:
    """How the passages of a question are found, and trained on."""

    found_by: str
    """One of `CONTEXTS`."""
    last_first: bool = False
    """Whether the best passage is trained on last."""
    recipe: Recipe = PLAIN

    @property
    def name(self) -> str:
        """Name in tables and files."""
        order = ", the first one last" if self.last_first else ""
        return self.found_by + order + (", each after another" if self.recipe.before else "")

    def job(self, question: Question) -> Job:
        """One training, a step a passage."""
        return Job(
            target=Answer(question.text, question.answers),
            trained=steps_of_answer(self, question),
            shown=question.passages[self.found_by][:SHOWN],
            recipe=self.recipe,
            views=ANSWER_VIEWS,
        )


LAST = Way(THE_DEFAULT, last_first=True)
AFTER_OTHERS = Way(THE_DEFAULT, last_first=True, recipe=AFTER_ANOTHER)
WAYS = (*map(Way, CONTEXTS), LAST, AFTER_OTHERS)


@dataclass(frozen=True)
class Measured:
    """What came of all texts and questions that are complete."""

    texts: tuple[TextItem, ...]
    text_outcomes: tuple[Mapping[str, Outcome], ...]
    """For each text: label of a method → outcome."""
    questions: tuple[Question, ...]
    answer_outcomes: tuple[Mapping[str, Outcome], ...]
    """For each question: name of a way → outcome."""
    process_minutes: float
    """That all these jobs took, one after the other."""

    def bits(self, method: Method, steps: int, context: int = 0, strength: float = 1.0) -> Values:
        """Bits per byte of each text after so many steps, with passages before it: `[T]`."""
        if steps == 0 and context == 0:
            return self.base
        view = View(steps, context, strength)
        return np.array([one[method.label].losses[view] for one in self.text_outcomes])

    @property
    def base(self) -> Values:
        """Bits per byte of each text to the model as it is: `[T]`."""
        return np.array([one[NEAREST.label].losses[View(0)] for one in self.text_outcomes])

    def nats(self, way: Way, steps: int, context: int, strength: float = 1.0) -> Values:
        """Nats of the answer of each question: `[Q]`."""
        view = View(steps, context, strength)
        return np.array([one[way.name].losses[view] for one in self.answer_outcomes])

    def nats_of_set(self, name: str) -> npt.NDArray[np.bool_]:
        """Which questions are of a set: `[Q]`."""
        return np.array([question.set == name for question in self.questions], dtype=np.bool_)


def measure(site: Site, inputs: Inputs, stop: Callable[[], bool]) -> Measured:
    """Do all jobs that are not done yet, until `stop` says True.

    Raises:
        NothingMeasuredError: if fewer than two texts are complete when the time is up.
    """
    by_text = [_text_jobs(item, inputs.memory) for item in inputs.texts]
    by_question = [{way.name: way.job(item) for way in WAYS} for item in inputs.questions]
    in_order = [job for some in _evenly(by_text, by_question) for job in some.values()]
    done = outcomes(site, in_order, "texts and questions", stop)
    texts, text_outcomes = _complete(inputs.texts, by_text, done)
    questions, answer_outcomes = _complete(inputs.questions, by_question, done)
    if len(texts) < 2:
        raise NothingMeasuredError(f"{len(texts)} texts are complete; at least 2 are needed")
    return Measured(
        texts=texts,
        text_outcomes=text_outcomes,
        questions=questions,
        answer_outcomes=answer_outcomes,
        process_minutes=sum(one.seconds for one in done.values()) / 60,
    )


def _text_jobs(item: TextItem, memory: Sequence[str]) -> dict[str, Job]:
    """A job for each method; methods that choose the same in the same order share one."""
    jobs: dict[str, Job] = {}
    for method in METHODS:
        passages = passages_of(item, method, memory)
        job = Job(
            target=HeldOutText(item.text),
            trained=tuple(memory[origin] for origin in steps_of_text(method, item)),
            shown=first_ones(passages) if method.in_context else (),
            recipe=replace(PLAIN, before=method.before),
            views=method.views,
        )
        jobs[method.label] = next((one for one in jobs.values() if _holds(one, job)), job)
    return jobs


def _holds(one: Job, other: Job) -> bool:
    """Whether the outcome of one job holds that of another on the same target."""
    same = one.trained[: len(other.trained)] == other.trained
    same = same and one.recipe == other.recipe
    shown = not other.shown or other.shown == one.shown
    return same and shown and set(other.views) <= set(one.views)


def steps_of_text(method: Method, item: TextItem) -> tuple[int, ...]:
    """The passages of a text's steps, in order, as places in the memory."""
    origins = item.choices[method.label].origins[: max(method.watched)]
    return tuple(origins[::-1] if method.last_first else origins)


def steps_of_answer(way: Way, question: Question) -> tuple[str, ...]:
    """The passages of a question's steps, in order."""
    passages = question.passages[way.found_by][:ANSWER_STEPS]
    return passages[::-1] if way.last_first else passages


def passages_of(item: TextItem, method: Method, memory: Sequence[str]) -> tuple[str, ...]:
    """What a method chose for a text, the same passage perhaps several times."""
    return tuple(memory[origin] for origin in item.choices[method.label].origins)


def first_ones(passages: Sequence[str]) -> tuple[str, ...]:
    """The first different passages, for the context."""
    return tuple(islice(dict.fromkeys(passages), SHOWN))


def _evenly(first: Sequence[Item], second: Sequence[Item]) -> list[Item]:
    """Both in their order, mixed, so that any beginning has about the same share of each."""
    places = [
        ((n + 0.5) / len(some), item) for some in (first, second) for n, item in enumerate(some)
    ]
    return [item for _, item in sorted(places, key=lambda place: place[0])]


def _complete(
    items: Sequence[Item], jobs: Sequence[Mapping[str, Job]], done: Mapping[str, Outcome]
) -> tuple[tuple[Item, ...], tuple[dict[str, Outcome], ...]]:
    """The items of which every job is done, and their outcomes."""
    found = [
        (item, {name: done[job.key] for name, job in some.items()})
        for item, some in zip(items, jobs, strict=True)
        if all(job.key in done for job in some.values())
    ]
    return tuple(item for item, _ in found), tuple(outcome for _, outcome in found)
