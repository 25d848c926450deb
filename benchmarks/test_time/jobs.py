"""Jobs of fine-tuning: one document, one list of passages; many at a time, each done once."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from tqdm import tqdm

from benchmarks.common.finished_jobs import append_row, in_processes, stored_rows
from benchmarks.test_time import language_model
from benchmarks.test_time.fine_tuning import LORA, WAYS, Predictor, Tunable

Curve = dict[int, float]
"""Steps → bits per byte of the document."""
VERSION = 1  # of how a job is done; outcomes of another version are not used


@dataclass(frozen=True)
class Job:
    """One fine-tuning from the pretrained model, watched by one document."""

    document: str
    passages: tuple[int, ...]
    """Positions among the texts of the memory, in the order of the steps."""
    way: str
    """"full" or "LoRA"."""
    learning_rate: float
    steps: tuple[int, ...]
    """After which the document is predicted."""

    @property
    def key(self) -> str:
        """Its name in the store."""
        return hashlib.sha256(json.dumps(asdict(self)).encode()).hexdigest()


@dataclass(frozen=True)
class Outcome:
    """What came of a job."""

    curve: Curve
    seconds: float


@dataclass(frozen=True)
class Site:
    """Where and with what jobs are done."""

    model: Path
    memory: tuple[str, ...]
    device: str
    workers: int

    @property
    def bfloat16(self) -> bool:
        """Whether products of training are computed in it: on a GPU."""
        return self.device != "cpu"

    @property
    def store(self) -> Path:
        """The file that keeps outcomes, named after all they depend on but the job."""
        depends_on = (VERSION, self.device, repr(LORA), torch.__version__, *self.memory)
        digest = hashlib.sha256("\0".join(map(str, depends_on)).encode()).hexdigest()[:16]
        return self.model / f"outcomes-{digest}.jsonl"


class Worker:
    """The model, once to be tuned as a whole and once with an adapter."""

    def __init__(self, site: Site) -> None:
        if site.device == "cpu":
            torch.set_num_threads(1)  # a process a core instead: these models are small
        self.memory = site.memory
        self.ways: dict[str, tuple[Predictor, Tunable]] = {}
        for name, make in WAYS.items():
            model, tokenizer = language_model.load(site.model, site.device)
            predictor = Predictor(model, tokenizer, bfloat16=site.bfloat16)
            self.ways[name] = predictor, make(model)

    def do(self, job: Job) -> Outcome:
        """Train and predict; the model is then as it was."""
        predictor, tunable = self.ways[job.way]
        passages = [self.memory[i] for i in job.passages]
        start = time.perf_counter()
        try:
            curve = predictor.curve(tunable, passages, job.document, job.steps, job.learning_rate)
        finally:
            tunable.reset()
        return Outcome(curve, time.perf_counter() - start)


def outcomes(site: Site, jobs: Sequence[Job], title: str) -> list[Outcome]:
    """What comes of the jobs, in their order; of those done before, from the store."""
    have = dict(_stored(site.store))
    missing = list({job.key: job for job in jobs if job.key not in have}.values())
    with (
        open(site.store, "a", encoding="utf-8") as store,
        tqdm(total=len(missing), desc=title, disable=not missing, mininterval=5) as bar,
    ):
        for job, outcome in _done(site, missing):
            have[job.key] = outcome
            append_row(store, {"key": job.key, **asdict(outcome)})
            bar.update()
    return [have[job.key] for job in jobs]


def _stored(file: Path) -> Iterator[tuple[str, Outcome]]:
    for row in stored_rows(file):
        curve = {int(step): value for step, value in row["curve"].items()}
        yield row["key"], Outcome(curve, row["seconds"])


_worker: Worker | None = None


def _start(site: Site) -> None:
    global _worker
    _worker = Worker(site)


def _do(job: Job) -> Outcome:
    assert _worker is not None
    return _worker.do(job)


def _done(site: Site, jobs: Sequence[Job]) -> Iterator[tuple[Job, Outcome]]:
    return in_processes(jobs, _do, workers=site.workers, start=_start, arguments=(site,))
