"""The experiment: what every rule chooses for every document, and what training on it brings."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from benchmarks.test_time.choosers import (
    LORA_METHODS,
    METHODS,
    NEAREST,
    NEAREST_COPIES,
    PAPERS_LAMBDA,
    SIFT,
    SIFT_COPIES,
    Choice,
    Method,
)
from benchmarks.test_time.corpus import Text
from benchmarks.test_time.jobs import Job, Outcome, Site, outcomes
from benchmarks.test_time.memory import STEPS, Candidates, Kind
from benchmarks.test_time.settings import Setting
from sift_retrievers.selection.stopping import alpha_length

WATCHED = (0, 1, 2, 3, 5, 7, 10, 15, 20, 30, 40, STEPS)
ADAPTIVE = SIFT[PAPERS_LAMBDA]
BY_WAY: Mapping[str, Sequence[Method]] = {"full": METHODS, "LoRA": LORA_METHODS}
SWEPT: Mapping[str, Sequence[Method]] = {
    "full": (NEAREST, ADAPTIVE, NEAREST_COPIES, SIFT_COPIES[PAPERS_LAMBDA]),
    "LoRA": (NEAREST,),
}
"""Methods whose learning rates are compared; those of `NEAREST` decide."""

Values = npt.NDArray[np.float64]
Name = TypeVar("Name")
Sweep = Mapping[tuple[str, str, float], float]


@dataclass(frozen=True)
class Offer:
    """Documents, and what each memory offers for each."""

    documents: tuple[Text, ...]
    candidates: Mapping[Kind, Sequence[Candidates]]

    def choices(self, method: Method) -> list[Choice]:
        """What a method chooses for each document."""
        return [method.choose(one) for one in self.candidates[method.memory]]


@dataclass(frozen=True)
class Measured:
    """All curves of a setting."""

    documents: tuple[Text, ...]
    choices: Mapping[str, Sequence[Choice]]
    """Label of a method → a choice for each document."""
    outcomes: Mapping[tuple[str, str], Sequence[Outcome]]
    """(way, label) → what came of the job for each document."""
    learning_rates: Mapping[str, float]
    """Way → the one that was chosen."""
    sweep: Sweep
    """(way, label, learning rate) → mean bits per byte of the validation documents after the last
    step."""
    validation: int
    """Documents that learning rates were chosen on."""
    process_minutes: float
    """That all jobs took, one after the other; those of the sweep, too."""

    def after(self, way: str, method: Method, step: int) -> Values:
        """Bits per byte of each document after so many steps: `[D]`."""
        return np.array([one.curve[step] for one in self.outcomes[way, method.label]])

    @property
    def base(self) -> Values:
        """Bits per byte of each document without fine-tuning: `[D]`."""
        return self.after("full", NEAREST, 0)

    def fixed(self, steps: float) -> Values:
        """The same for `ADAPTIVE` after the same number of steps for all: `[D]`.

        Between two whole numbers it is the mean of both, weighted: what a coin would give.
        """
        low, share = math.floor(steps), steps % 1
        below, above = (self.after("full", ADAPTIVE, n) for n in (low, math.ceil(steps)))
        return (1 - share) * below + share * above

    def adaptive(self, alpha: float) -> tuple[npt.NDArray[np.int64], Values]:
        """Steps of `ADAPTIVE` under the α rule, and bits per byte after them: `[D]` each."""
        sigma = [choice.sigma for choice in self.choices[ADAPTIVE.label]]
        steps = alpha_length(np.array(sigma) ** 2, 1, alpha)
        runs = self.outcomes["full", ADAPTIVE.label]
        return steps, np.array([one.curve[int(n)] for one, n in zip(runs, steps, strict=True)])


def measure(setting: Setting, site: Site, validation: Offer, offered: Offer) -> Measured:
    """Choose learning rates, then try every method in every way on every document."""
    swept = _sweep(setting, site, validation)
    sweep = {
        name: float(np.mean([one.curve[STEPS] for one in some])) for name, some in swept.items()
    }
    rates = {
        way: min(setting.learning_rates[way], key=lambda rate: sweep[way, NEAREST.label, rate])
        for way in BY_WAY
    }
    choices = {method.label: offered.choices(method) for method in METHODS}
    jobs = {
        (way, method.label): [
            Job(document.text, choice.origins, way, rates[way], _watched(way, method))
            for document, choice in zip(offered.documents, choices[method.label], strict=True)
        ]
        for way, methods in BY_WAY.items()
        for method in methods
    }
    done = _by_name(site, jobs, "fine-tuning")
    # What two methods share was done once.
    once = {id(one): one.seconds for some in (*swept.values(), *done.values()) for one in some}
    return Measured(
        documents=offered.documents,
        choices=choices,
        outcomes=done,
        learning_rates=rates,
        sweep=sweep,
        validation=len(validation.documents),
        process_minutes=sum(once.values()) / 60,
    )


def _sweep(
    setting: Setting, site: Site, validation: Offer
) -> dict[tuple[str, str, float], Sequence[Outcome]]:
    jobs = {
        (way, method.label, rate): [
            Job(document.text, choice.origins, way, rate, (STEPS,))
            for document, choice in zip(
                validation.documents, validation.choices(method), strict=True
            )
        ]
        for way, methods in SWEPT.items()
        for method in methods
        for rate in setting.learning_rates[way]
    }
    return _by_name(site, jobs, "learning rates")


def _by_name(
    site: Site, jobs: Mapping[Name, Sequence[Job]], title: str
) -> dict[Name, Sequence[Outcome]]:
    """What came of the jobs, under their names; all are done together."""
    done = iter(outcomes(site, [job for some in jobs.values() for job in some], title))
    return {name: [next(done) for _ in some] for name, some in jobs.items()}


def _watched(way: str, method: Method) -> tuple[int, ...]:
    """Steps after which documents are predicted; all where rules may stop at any."""
    everywhere = way == "full" and method is ADAPTIVE
    return tuple(range(STEPS + 1)) if everywhere else WATCHED
