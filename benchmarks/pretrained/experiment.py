"""The benchmark: the learning rate is chosen first, then texts and questions are gone through."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from benchmarks.pretrained.inputs import CONTEXTS, THE_DEFAULT, Inputs, Question, TextItem
from benchmarks.pretrained.jobs import (
    CHECKED,
    Answer,
    HeldOutText,
    Job,
    Outcome,
    Site,
    View,
    outcomes,
)
from benchmarks.pretrained.methods import COMPARED, HALF, METHODS, NEAREST, SHOWN, Method
from benchmarks.pretrained.model import Recipe

LEARNING_RATES = (1e-4, 2.5e-4, 5e-4, 1e-3)
ANSWER_STEPS = 10
AFTER_OTHERS = f"{THE_DEFAULT}, the first one last, each after another"
NOT_TRAINED_ON = 3
"""So many passages are looked at that are like those of the training and not in it."""

Values = npt.NDArray[np.float64]
Item = TypeVar("Item")


class NothingMeasuredError(Exception):
    """The time was up before two texts or the choice of the learning rate were complete."""


@dataclass(frozen=True)
class Measured:
    """What came of all texts and questions that are complete."""

    sweep: Mapping[float, Values]
    """Learning rate → bits per byte of each development text after the steps of the comparison."""
    learning_rate: float
    texts: tuple[TextItem, ...]
    text_outcomes: tuple[Mapping[str, Outcome], ...]
    """For each text: label of a method → outcome."""
    questions: tuple[Question, ...]
    answer_outcomes: tuple[Mapping[str, Outcome], ...]
    """For each question: what found the passages → outcome."""
    process_minutes: float
    """That all these jobs took, one after the other, those of the sweep too."""

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

    def nats(self, found_by: str, steps: int, context: int, strength: float = 1.0) -> Values:
        """Nats of the answer of each question: `[Q]`."""
        view = View(steps, context, strength)
        return np.array([one[found_by].losses[view] for one in self.answer_outcomes])

    def nats_of_set(self, name: str) -> npt.NDArray[np.bool_]:
        """Which questions are of a set: `[Q]`."""
        return np.array([question.set == name for question in self.questions], dtype=np.bool_)


def measure(site: Site, inputs: Inputs, stop: Callable[[], bool]) -> Measured:
    """Do all jobs that are not done yet, until `stop` says True.

    Raises:
        NothingMeasuredError: if the learning rate is not chosen or fewer than two texts are
            complete when the time is up.
    """
    sweep, used = _sweep(site, inputs, stop)
    rate = min(sweep, key=lambda one: float(sweep[one].mean()))
    by_text = [_text_jobs(item, inputs.memory, rate) for item in inputs.texts]
    by_question = [_answer_jobs(item, rate) for item in inputs.questions]
    in_order = [job for some in _evenly(by_text, by_question) for job in some.values()]
    done = outcomes(site, in_order, "texts and questions", stop)
    texts, text_outcomes = _complete(inputs.texts, by_text, done)
    questions, answer_outcomes = _complete(inputs.questions, by_question, done)
    if len(texts) < 2:
        raise NothingMeasuredError(f"{len(texts)} texts are complete; at least 2 are needed")
    used.update(done)
    return Measured(
        sweep=sweep,
        learning_rate=rate,
        texts=texts,
        text_outcomes=text_outcomes,
        questions=questions,
        answer_outcomes=answer_outcomes,
        process_minutes=sum(one.seconds for one in used.values()) / 60,
    )


def _sweep(
    site: Site, inputs: Inputs, stop: Callable[[], bool]
) -> tuple[dict[float, Values], dict[str, Outcome]]:
    """Bits per byte of the development texts by learning rate, and the outcomes by their keys."""
    jobs = {
        rate: [
            Job(
                HeldOutText(item.text),
                passages_of(item, NEAREST, inputs.memory)[:COMPARED],
                (),
                Recipe(rate),
                (View(COMPARED),),
            )
            for item in inputs.development
        ]
        for rate in LEARNING_RATES
    }
    every = [job for some in jobs.values() for job in some]
    done = outcomes(site, every, "learning rates", stop)
    if len(done) < len({job.key for job in every}):
        raise NothingMeasuredError("the time was up before the learning rate was chosen")
    values = {
        rate: np.array([done[job.key].losses[View(COMPARED)] for job in some])
        for rate, some in jobs.items()
    }
    return values, done


def _text_jobs(item: TextItem, memory: Sequence[str], rate: float) -> dict[str, Job]:
    """A job for each method; methods that choose the same in the same order share one."""
    jobs: dict[str, Job] = {}
    for method in METHODS:
        passages = passages_of(item, method, memory)
        trained = passages[method.skipped :][: max(method.watched)]
        if method.last_first:
            trained = trained[::-1]
        job = Job(
            target=HeldOutText(item.text),
            trained=trained,
            shown=first_ones(passages) if method.in_context else (),
            recipe=Recipe(rate, before=method.before),
            views=method.views,
            checked=not_trained_on(passages_of(item, NEAREST, memory), trained),
        )
        jobs[method.label] = next((one for one in jobs.values() if _holds(one, job)), job)
    return jobs


def _holds(one: Job, other: Job) -> bool:
    """Whether the outcome of one job holds that of another on the same target."""
    same = one.trained[: len(other.trained)] == other.trained
    same = same and (one.checked, one.recipe) == (other.checked, other.recipe)
    shown = not other.shown or other.shown == one.shown
    return same and shown and set(other.views) <= set(one.views)


def _answer_jobs(question: Question, rate: float) -> dict[str, Job]:
    """For each retriever one training on its passages, in rounds, best first."""
    jobs = {}
    for name in (*CONTEXTS, AFTER_OTHERS):
        passages = question.passages[THE_DEFAULT if name == AFTER_OTHERS else name]
        order = passages[::-1] if name == AFTER_OTHERS else passages
        steps = range(ANSWER_STEPS if passages else 0)
        jobs[name] = Job(
            target=Answer(question.text, question.answers),
            trained=tuple(order[step % len(order)] for step in steps),
            shown=passages,
            recipe=Recipe(rate, before=int(name == AFTER_OTHERS)),
            views=(
                *(View(steps, n) for steps in (0, ANSWER_STEPS) for n in (0, SHOWN)),
                *(View(ANSWER_STEPS, n, HALF) for n in (0, SHOWN)),
            ),
        )
    return jobs


def passages_of(item: TextItem, method: Method, memory: Sequence[str]) -> tuple[str, ...]:
    """What a method chose for a text, the same passage perhaps several times."""
    return tuple(memory[origin] for origin in item.choices[method.label].origins)


def first_ones(passages: Sequence[str]) -> tuple[str, ...]:
    """The first different passages, for the context."""
    return tuple(islice(dict.fromkeys(passages), SHOWN))


def not_trained_on(nearest: Sequence[str], trained: Sequence[str]) -> tuple[str, ...]:
    """The first of the nearest passages that are not among those of the first steps."""
    known = set(trained[:CHECKED])
    return tuple(islice((one for one in nearest if one not in known), NOT_TRAINED_ON))


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
