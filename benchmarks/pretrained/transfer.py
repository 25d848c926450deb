"""What the tuner's check of forward transfer predicts, and what came true.

The check itself is the tuner's own, on the losses that were noted in training: of each passage
before its step, and of the same passage to the model as it is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.pretrained.experiment import (
    ANSWER_STEPS,
    WAYS,
    Measured,
    Values,
    Way,
    steps_of_answer,
    steps_of_text,
)
from benchmarks.pretrained.jobs import Outcome
from benchmarks.pretrained.methods import (
    COMPARED,
    METHODS,
    NEAREST,
    SHOWN,
    SIFT,
    STEPS,
    WITNESSES,
    Method,
)
from benchmarks.pretrained.tables import difference, harm, predicted_gain, rank_correlation, table
from sift_retrievers.finetune.examples import Example
from sift_retrievers.finetune.progress import Progress
from sift_retrievers.finetune.transfer import CHECKED, TransferCheck

Bools = npt.NDArray[np.bool_]
MIN_TRANSFER = 0.0
"""The tuner's default."""
THRESHOLDS = (-0.02, 0.0, 0.02, 0.05, 0.1)
JUDGED = tuple(method for method in METHODS if COMPARED in method.watched)


def checked(outcome: Outcome, passages: Sequence[Any]) -> tuple[float, bool]:
    """The transfer that the tuner's check finds, NaN if it compares nothing, and its verdict.

    Args:
        outcome: of a training.
        passages: those of its steps, in order; equal ones are the same passage.
    """
    numbers: dict[Any, int] = {}
    progress = Progress()
    check = TransferCheck(progress, MIN_TRANSFER, base=_no_model)
    losses = zip(passages, outcome.step_losses, outcome.base_losses, strict=False)
    for passage, loss, base_loss in losses:
        number = torch.tensor([[numbers.setdefault(passage, len(numbers))]])
        if check.needs(Example(0, number, number)):
            check.record(base_loss, loss)
            if check.ends_training:
                break
    check.judge()
    found = progress.transfer
    return math.nan if found is None else found, progress.harmful


def _no_model() -> Any:
    raise RuntimeError("the losses are known")


def _of_texts(measured: Measured, method: Method) -> tuple[Values, Bools]:
    found = [
        checked(done[method.label], steps_of_text(method, item)[:COMPARED])
        for item, done in zip(measured.texts, measured.text_outcomes, strict=True)
    ]
    return np.array([one for one, _ in found]), np.array([one for _, one in found], dtype=np.bool_)


def _of_questions(measured: Measured, way: Way) -> tuple[Values, Bools]:
    found = [
        checked(done[way.name], steps_of_answer(way, question))
        for question, done in zip(measured.questions, measured.answer_outcomes, strict=True)
    ]
    return np.array([one for one, _ in found]), np.array([one for _, one in found], dtype=np.bool_)


def check_table(measured: Measured) -> str:
    """Each method with and without the check: bits per byte, and where it is worse than base."""
    head = ["", "transfer, nats per token", "not trained", f"{COMPARED} steps", "with the check"]
    head += ["worse than base", "worse with the check", "with the check − base"]
    rows, before, after = [], [], []
    for method in JUDGED:
        transfer, stopped = _of_texts(measured, method)
        bits = measured.bits(method, COMPARED)
        kept = np.where(stopped, measured.base, bits)
        before.append(bits > measured.base)
        after.append(kept > measured.base)
        rows.append(
            [
                method.label,
                f"{np.nanmean(transfer):+.3f}",
                f"{stopped.mean():.0%}",
                f"{bits.mean():.3f}",
                f"{kept.mean():.3f}",
                harm(bits, measured.base),
                harm(kept, measured.base),
                difference(kept, measured.base),
            ]
        )
    shares = [f"{np.mean(one):.1%}" for one in (before, after)]
    rows.append(["all of them", "", "", "", "", *shares, ""])
    return table(head, rows)


def answer_check_table(measured: Measured) -> str:
    """The same of the questions, in nats of the answer, without and with passages in context."""
    head = ["passages found by", "transfer, nats per token", "not trained"]
    for shown in ("", ", context"):
        head += [
            f"{ANSWER_STEPS} steps{shown}",
            f"with the check{shown}",
            f"worse{shown}",
        ]
        head += [f"worse with the check{shown}"]
    rows = []
    for way in WAYS:
        transfer, stopped = _of_questions(measured, way)
        row = [way.name, f"{np.nanmean(transfer):+.3f}", f"{stopped.mean():.0%}"]
        for shown in (0, SHOWN):
            without = measured.nats(way, 0, shown)
            trained = measured.nats(way, ANSWER_STEPS, shown)
            kept = np.where(stopped, without, trained)
            row += [f"{trained.mean():.2f}", f"{kept.mean():.2f}"]
            row += [harm(trained, without), harm(kept, without)]
        rows.append(row)
    return table(head, rows)


def predictor_table(measured: Measured) -> str:
    """How well different things that are known tell the share of the base's bits that is saved."""
    base = measured.base
    saved = (base - measured.bits(WITNESSES, COMPARED)) / base
    every = [(_of_texts(measured, method)[0], measured.bits(method, COMPARED)) for method in JUDGED]
    transfers = np.concatenate([transfer for transfer, _ in every])
    shares = np.concatenate([(base - bits) / base for _, bits in every])
    known = np.isfinite(transfers)
    sift = (base - measured.bits(SIFT, COMPARED)) / base
    losses = [
        float(np.mean(done[WITNESSES.label].base_losses[:COMPARED]))
        for done in measured.text_outcomes
    ]
    nearest = np.array([text.choices[NEAREST.label].similarity for text in measured.texts], float)
    rows = [
        [
            f"½ log σ_0²/σ_{COMPARED}²",
            SIFT.label,
            rank_correlation(predicted_gain(measured, SIFT), sift),
        ],
        ["mean cosine of the nearest passages", WITNESSES.label, rank_correlation(nearest, saved)],
        ["base's loss on the passages", WITNESSES.label, rank_correlation(np.array(losses), saved)],
        ["transfer", WITNESSES.label, rank_correlation(_of_texts(measured, WITNESSES)[0], saved)],
        ["transfer", "all methods", rank_correlation(transfers[known], shares[known])],
    ]
    return table(["known in advance", "training", "rank correlation with the share saved"], rows)


def proportion_table(measured: Measured) -> str:
    """More steps where the transfer is larger, against the same number for every text."""
    steps = [0, 5, COMPARED, STEPS]
    curve = np.stack([measured.bits(WITNESSES, step) for step in steps])
    transfer, stopped = _of_texts(measured, WITNESSES)
    rows = []
    for least in THRESHOLDS:
        chosen = np.where(stopped, 0, np.where(transfer >= least, STEPS, COMPARED))
        spent = np.where(stopped, CHECKED, chosen)
        bits = np.array([curve[steps.index(int(n)), t] for t, n in enumerate(chosen)])
        fixed = _after(curve, steps, float(spent.mean()))
        rows.append(
            [
                f"{least:g}",
                f"{spent.mean():.1f}",
                f"{(chosen == STEPS).mean():.0%}",
                f"{bits.mean():.3f}",
                f"{fixed.mean():.3f}",
                difference(bits, fixed),
            ]
        )
    head = ["least transfer", "mean steps", f"{STEPS} steps", "bits per byte", "fixed"]
    return table([*head, "difference"], rows)


def _after(curve: npt.NDArray[np.float64], steps: Sequence[int], wanted: float) -> Values:
    """Bits per byte of each text after a number of steps between those that were measured."""
    return np.array([float(np.interp(wanted, steps, bits)) for bits in curve.T])
