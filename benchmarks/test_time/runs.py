"""Runs of fine-tuning: one document, one list of passages; many at a time, each made once."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

import torch
from tqdm import tqdm

from benchmarks.test_time import language_model
from benchmarks.test_time.fine_tuning import WAYS, Predictor, Tunable

Curve = dict[int, float]
"""Steps → bits per byte of the document."""


@dataclass(frozen=True)
class Run:
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
class Site:
    """Where and with what runs are made."""

    model: Path
    memory: tuple[str, ...]
    device: str
    workers: int

    @property
    def store(self) -> Path:
        """The file that keeps the curves: beside the model that they belong to."""
        digest = hashlib.sha256("\0".join(self.memory).encode()).hexdigest()[:16]
        return self.model / f"curves-{self.device}-{digest}.jsonl"


@dataclass(frozen=True)
class Made:
    """What came of a run."""

    curve: Curve
    seconds: float


class Worker:
    """The model, once to be tuned as a whole and once with an adapter."""

    def __init__(self, site: Site) -> None:
        if site.device == "cpu":
            torch.set_num_threads(1)  # a process a core instead: these models are small
        self.memory = site.memory
        self.ways: dict[str, tuple[Predictor, Tunable]] = {}
        for name, make in WAYS.items():
            model, tokenizer = language_model.load(site.model, site.device)
            predictor = Predictor(model, tokenizer, bfloat16=site.device != "cpu")
            self.ways[name] = predictor, make(model)

    def make(self, run: Run) -> Made:
        """Train and predict; the model is then as it was."""
        predictor, tunable = self.ways[run.way]
        passages = [self.memory[i] for i in run.passages]
        start = time.perf_counter()
        try:
            curve = predictor.curve(tunable, passages, run.document, run.steps, run.learning_rate)
        finally:
            tunable.reset()
        return Made(curve, time.perf_counter() - start)


def make_all(site: Site, runs: Sequence[Run], title: str) -> list[Made]:
    """What comes of the runs, in their order; those made before come from the store."""
    have = dict(_stored(site.store))
    missing = list({run.key: run for run in runs if run.key not in have}.values())
    with (
        open(site.store, "a", encoding="utf-8") as store,
        tqdm(total=len(missing), desc=title, disable=not missing, mininterval=5) as bar,
    ):
        for run, made in _make(site, missing):
            have[run.key] = made
            store.write(json.dumps({"key": run.key, **asdict(made)}) + "\n")
            store.flush()
            bar.update()
    return [have[run.key] for run in runs]


def _stored(file: Path) -> Iterator[tuple[str, Made]]:
    if not file.is_file():
        return
    for line in file.read_text(encoding="utf-8").splitlines():
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            continue  # broken off when a run was killed
        curve = {int(step): value for step, value in row["curve"].items()}
        yield row["key"], Made(curve, row["seconds"])


_worker: Worker | None = None


def _start(site: Site) -> None:
    global _worker
    _worker = Worker(site)


def _run(run: Run) -> Made:
    assert _worker is not None
    return _worker.make(run)


def _make(site: Site, runs: Sequence[Run]) -> Iterator[tuple[Run, Made]]:
    if not runs:
        return
    with ProcessPoolExecutor(
        site.workers, mp_context=get_context("spawn"), initializer=_start, initargs=(site,)
    ) as pool:
        futures = {pool.submit(_run, run): run for run in runs}
        for future in as_completed(futures):
            yield futures[future], future.result()
