"""What a session of ten steps takes, and what its passes through the model take alone."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from benchmarks.pretrained.jobs import Site
from benchmarks.pretrained.methods import COMPARED
from benchmarks.pretrained.model import LONGEST, load
from sift_retrievers.finetune import Budget, TestTimeTuner
from sift_retrievers.finetune.examples import Example, PassageReader

ROUNDS = {"cpu": 2, "cuda": 5}
LOWEST = -1e9
"""A `min_transfer` that ends no training."""


@dataclass(frozen=True)
class Timing:
    """Medians over rounds, in seconds, of one process that works alone."""

    session: float
    """From its beginning to its end, the verification of the base included, without the check."""
    checked: float
    """The same with the check of forward transfer, the default."""
    passes: float
    """Forward and backward passes on the same passages, with no optimizer and nothing else."""
    tokens: float
    """Of a passage, mean."""
    rounds: int


def timing_of(site: Site, passages: Sequence[str]) -> Timing:
    """Time sessions and bare passes by turns, on the first ten passages; once, then it is kept."""
    file: Path = site.store.with_name(site.store.name.replace("outcomes", "times"))
    if file.is_file():
        return Timing(**json.loads(file.read_text(encoding="utf-8")))
    timing = _measure(site, passages)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(asdict(timing)), encoding="utf-8")
    return timing


def _measure(site: Site, passages: Sequence[str]) -> Timing:
    setting = site.setting
    if setting.device == "cpu":
        torch.set_num_threads(setting.threads)
    model, tokenizer = load(site.model, setting.device, setting.dtype)
    some = list(passages[:COMPARED])
    rounds = ROUNDS[setting.device]

    def tuner_with(min_transfer: float | None) -> TestTimeTuner:
        return TestTimeTuner(
            model,
            tokenizer,
            budget=Budget(max_steps=COMPARED),
            min_transfer=min_transfer,
            max_passage_tokens=LONGEST,
        )

    def session(tuner: TestTimeTuner) -> float:
        start = _now()
        with tuner.session("", some):
            pass
        return _now() - start

    reader = PassageReader(tokenizer, next(model.parameters()).device, LONGEST, max_tokens=None)
    examples = [reader.example(n, text) for n, text in enumerate(some)]
    found = []
    for n in range(1 + rounds):
        with tuner_with(None) as tuner:
            plain, passes = session(tuner), _passes(tuner, examples)
        with tuner_with(LOWEST) as tuner:
            checked = session(tuner)
        if n:  # the first round is not counted
            found.append((plain, checked, passes))
    medians = [statistics.median(column) for column in zip(*found, strict=True)]
    tokens = statistics.mean(one.input_ids.shape[1] for one in examples)
    return Timing(medians[0], medians[1], medians[2], tokens, rounds)


def _passes(tuner: TestTimeTuner, examples: Sequence[Example]) -> float:
    """Seconds of the passes alone."""
    slot = tuner._trainer.slot
    with tuner.request(tuned=False):
        slot.enable()
        with slot.trainable():
            start = _now()
            for example in examples:
                loss = tuner.model(
                    input_ids=example.input_ids, labels=example.labels, use_cache=False
                ).loss
                loss.backward()
                for parameter in slot.parameters:
                    parameter.grad = None
            return _now() - start


def _now() -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()
