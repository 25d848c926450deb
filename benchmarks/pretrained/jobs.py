"""Jobs of the benchmark: one training, watched by what it is to help with; each is done once."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from tqdm import tqdm

from benchmarks.common.finished_jobs import append_row, in_processes, never, stored_rows
from benchmarks.pretrained.model import NonFiniteLossError, Recipe, TunedModel, files_of
from benchmarks.pretrained.settings import Setting

VERSION = 4  # of how a job is done; outcomes of another version are not used


class View(NamedTuple):
    """When and how something is predicted."""

    steps: int
    """After how many steps."""
    shown: int = 0
    """With how many passages in the context."""
    strength: float = 1.0
    """By what the output of the adapter is multiplied."""


@dataclass(frozen=True)
class HeldOutText:
    """A text to be predicted; measured in bits per byte."""

    text: str

    def loss(self, model: TunedModel, context: Sequence[str]) -> float:
        return model.text_bits(self.text, context)

    @property
    def query(self) -> str:
        """What passages were looked for with."""
        return self.text

    @property
    def length(self) -> int:
        """Characters that the model reads."""
        return len(self.text)


@dataclass(frozen=True)
class Answer:
    """A question whose answer is to be predicted; measured in nats of the likeliest spelling."""

    question: str
    answers: tuple[str, ...]

    def loss(self, model: TunedModel, context: Sequence[str]) -> float:
        return model.answer_nats(self.question, self.answers, context)

    @property
    def query(self) -> str:
        """What passages were looked for with."""
        return self.question

    @property
    def length(self) -> int:
        """Characters that the model reads."""
        return len(self.answers) * (len(self.question) + max(map(len, self.answers)))


@dataclass(frozen=True)
class Job:
    """One training from the pretrained model, and predictions along the way."""

    target: HeldOutText | Answer
    trained: tuple[str, ...]
    """Passages, one step each."""
    shown: tuple[str, ...]
    """Passages for the context, the best first; a view shows the first ones."""
    recipe: Recipe
    views: tuple[View, ...]

    @property
    def key(self) -> str:
        """Its name in the store."""
        content = [type(self.target).__name__, asdict(self)]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    @property
    def cost(self) -> float:
        """About how long it takes, in characters that a forward pass reads."""
        shown = [sum(map(len, self.shown[: view.shown])) for view in self.views]
        forward = sum(one + self.target.length for one in shown)
        return forward + 2.5 * (1 + self.recipe.before) * sum(map(len, self.trained))

    def do(self, model: TunedModel) -> Outcome:
        """Train and predict; where training diverged, losses are infinite from there on."""
        start = time.perf_counter()
        losses = dict.fromkeys(self.views, math.inf)

        def watch(done: int) -> None:
            for view in self.views:
                if view.steps == done:
                    with model.scaled(view.strength):
                        losses[view] = self.target.loss(model, self.shown[: view.shown])

        step_losses: tuple[float, ...] = ()
        with suppress(NonFiniteLossError):
            step_losses = model.train(self.trained, self.recipe, watch, self.target.query)
        base_losses = model.base_losses(self.trained, self.recipe, self.target.query)
        return Outcome(losses, step_losses, base_losses, time.perf_counter() - start)


@dataclass(frozen=True)
class Outcome:
    """What came of a job."""

    losses: Mapping[View, float]
    step_losses: tuple[float, ...]
    """Nats per token of each passage before its step; empty where training diverged."""
    base_losses: tuple[float, ...]
    """The same to the model as it is."""
    seconds: float


@dataclass(frozen=True)
class Site:
    """Where and with what jobs are done, and where their outcomes are kept."""

    model: Path
    setting: Setting
    folder: Path

    @property
    def store(self) -> Path:
        """The file of outcomes, named after all that they depend on but the job."""
        setting = self.setting
        depends_on = (VERSION, setting.device, setting.dtype, torch.__version__)
        content = json.dumps([*map(str, depends_on), files_of(self.model)])
        return self.folder / f"outcomes-{hashlib.sha256(content.encode()).hexdigest()[:16]}.jsonl"


def outcomes(
    site: Site, jobs: Sequence[Job], title: str, stop: Callable[[], bool] = never
) -> dict[str, Outcome]:
    """What came of the jobs, by their keys; those done before are taken from the store.

    Args:
        site: where jobs are done.
        jobs: in the order in which they are begun.
        title: stands before the progress bar, which tells the time that is left.
        stop: no job is begun once it says True; the outcomes of the rest are then missing.
    """
    have = dict(_stored(site.store))
    wanted = {job.key: job for job in jobs}
    missing = [job for key, job in wanted.items() if key not in have]
    site.store.parent.mkdir(parents=True, exist_ok=True)
    with (
        open(site.store, "a", encoding="utf-8") as store,
        tqdm(
            total=round(sum(job.cost for job in missing) / 1000),
            desc=title,
            disable=not missing,
            mininterval=5,
            bar_format="{desc}: {percentage:3.0f} % done, {elapsed} so far, {remaining} left",
        ) as bar,
    ):
        for job, outcome in done(site, missing, stop):
            have[job.key] = outcome
            losses = [[*view, loss] for view, loss in outcome.losses.items()]
            append_row(store, {"key": job.key, **asdict(outcome), "losses": losses})
            bar.update(job.cost / 1000)
    return {key: have[key] for key in wanted if key in have}


def _stored(file: Path) -> Iterator[tuple[str, Outcome]]:
    for row in stored_rows(file):
        losses = {View(*view): loss for *view, loss in row["losses"]}
        steps, bases = tuple(row["step_losses"]), tuple(row["base_losses"])
        yield row["key"], Outcome(losses, steps, bases, row["seconds"])


def done(
    site: Site, jobs: Sequence[Job], stop: Callable[[], bool]
) -> Iterator[tuple[Job, Outcome]]:
    """Do jobs in processes of their own."""
    return in_processes(
        jobs, _do, workers=site.setting.workers, start=_start, arguments=(site,), stop=stop
    )


_model: TunedModel | None = None


def _start(site: Site) -> None:
    global _model
    if site.setting.device == "cpu":
        torch.set_num_threads(site.setting.threads)
    _model = TunedModel.load(site.model, site.setting.device, site.setting.dtype)


def _do(job: Job) -> Outcome:
    assert _model is not None
    return job.do(_model)
