"""The experiment: what every rule chooses for every document, and what training on it brings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.test_time.choosers import (
    ALPHAS,
    DEFAULT_LAMBDA,
    LORA_METHODS,
    METHODS,
    NEAREST,
    SIFT,
    STEPS,
    Candidates,
    Choice,
    Method,
)
from benchmarks.test_time.corpus import Text
from benchmarks.test_time.runs import Made, Run, Site, make_all
from benchmarks.test_time.settings import Setting
from sift_retrievers.stopping import alpha_length

WATCHED = (0, 1, 2, 3, 5, 7, 10, 15, 20, 30, 40, STEPS)
ADAPTIVE = SIFT[DEFAULT_LAMBDA]
BY_WAY: Mapping[str, Sequence[Method]] = {"full": METHODS, "LoRA": LORA_METHODS}

Values = npt.NDArray[np.float64]
Name = TypeVar("Name")


@dataclass(frozen=True)
class Offered:
    """Documents, and what the memory without and with copies offers for each."""

    documents: tuple[Text, ...]
    plain: Sequence[Candidates]
    duplicated: Sequence[Candidates]

    def choices(self, method: Method) -> list[Choice]:
        """What a method chooses for each document."""
        offered = self.duplicated if method.duplicated else self.plain
        return [method.choose(one) for one in offered]


@dataclass(frozen=True)
class Measured:
    """All curves of a setting."""

    documents: tuple[Text, ...]
    choices: Mapping[str, Sequence[Choice]]
    """Label of a method → a choice for each document."""
    made: Mapping[tuple[str, str], Sequence[Made]]
    """(way, label) → what came of the run for each document."""
    learning_rates: Mapping[str, float]
    """Way → the one that was chosen."""
    sweep: Mapping[tuple[str, float], float]
    """(way, learning rate) → mean bits per byte of the validation documents after the last step."""

    def after(self, way: str, method: Method, step: int) -> Values:
        """Bits per byte of each document after so many steps: `[D]`."""
        return np.array([made.curve[step] for made in self.made[way, method.label]])

    @property
    def base(self) -> Values:
        """Bits per byte of each document without fine-tuning: `[D]`."""
        return self.after("full", NEAREST, 0)

    def between(self, way: str, method: Method, steps: float) -> Values:
        """The same after a number of steps that may lie between two that were watched: `[D]`."""
        known = np.array(WATCHED)
        rows = [[made.curve[step] for step in WATCHED] for made in self.made[way, method.label]]
        return np.array([np.interp(steps, known, row) for row in rows])

    @property
    def process_minutes(self) -> float:
        """Minutes that all runs took, one after the other."""
        return sum(made.seconds for some in self.made.values() for made in some) / 60

    def stops(self, alpha: float) -> npt.NDArray[np.int64]:
        """Steps after which adaptive SIFT ends, for each document: `[D]`."""
        return np.array([_stop(choice, alpha) for choice in self.choices[ADAPTIVE.label]])


def choose_learning_rates(
    setting: Setting, site: Site, offered: Offered
) -> tuple[dict[str, float], dict[tuple[str, float], float]]:
    """For each way the one that nearest neighbours do best with, and what each came to."""
    choices = offered.choices(NEAREST)
    runs = {
        (way, rate): [
            Run(document.text, choice.origins, way, rate, (STEPS,))
            for document, choice in zip(offered.documents, choices, strict=True)
        ]
        for way in BY_WAY
        for rate in setting.learning_rates[way]
    }
    means = {
        name: float(np.mean([made.curve[STEPS] for made in some]))
        for name, some in _by_name(site, runs, "learning rates").items()
    }
    best = {
        way: min(setting.learning_rates[way], key=lambda rate: means[way, rate]) for way in BY_WAY
    }
    return best, means


def measure(setting: Setting, site: Site, validation: Offered, offered: Offered) -> Measured:
    """Choose learning rates, then run every method in every way on every document."""
    rates, sweep = choose_learning_rates(setting, site, validation)
    choices = {method.label: offered.choices(method) for method in METHODS}
    runs = {
        (way, method.label): [
            Run(document.text, choice.origins, way, rates[way], _steps(method, choice))
            for document, choice in zip(offered.documents, choices[method.label], strict=True)
        ]
        for way, methods in BY_WAY.items()
        for method in methods
    }
    made = _by_name(site, runs, "fine-tuning")
    return Measured(offered.documents, choices, made, rates, sweep)


def _by_name(
    site: Site, runs: Mapping[Name, Sequence[Run]], title: str
) -> dict[Name, Sequence[Made]]:
    """What came of the runs, under their names; all are made together."""
    made = iter(make_all(site, [run for some in runs.values() for run in some], title))
    return {name: [next(made) for _ in some] for name, some in runs.items()}


def _steps(method: Method, choice: Choice) -> tuple[int, ...]:
    stops = [_stop(choice, alpha) for alpha in ALPHAS] if method is ADAPTIVE else []
    return tuple(sorted({*WATCHED, *stops}))


def _stop(choice: Choice, alpha: float) -> int:
    variance = torch.tensor([choice.sigma], dtype=torch.float64) ** 2
    return int(alpha_length(variance, 1, alpha)[0])
