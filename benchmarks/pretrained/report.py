"""The page of a run: what was done, what the numbers say, and the tables."""

from __future__ import annotations

import json

import numpy as np

from benchmarks.common.machine import machine
from benchmarks.pretrained import tables, transfer
from benchmarks.pretrained.experiment import ANSWER_STEPS, Measured
from benchmarks.pretrained.findings import answer_findings, text_findings
from benchmarks.pretrained.inputs import Inputs
from benchmarks.pretrained.methods import (
    COMPARED,
    HALF,
    LEARNING_RATE,
    METHODS,
    SHOWN,
    SIFT,
    STEPS,
    WITNESSES,
)
from benchmarks.pretrained.settings import Setting
from benchmarks.pretrained.timing import Timing
from benchmarks.test_time.memory import COPIES
from sift_retrievers.finetune.transfer import CHECKED

PACKAGES = ("numpy", "torch", "transformers", "peft")


def page(measured: Measured, timing: Timing, inputs: Inputs, setting: Setting, model: str) -> str:
    """The whole page, in Markdown."""
    domains = len({text.domain for text in measured.texts})
    parts = [
        f"# Test-time fine-tuning of {model}, preset “{setting.name}”",
        f"`{command(setting)}`\n\n{without_date(machine(PACKAGES))}.",
        about(measured, inputs, setting, domains),
        "## What the numbers say",
        "\n".join(f"- {line}" for line in [*text_findings(measured), *answer_findings(measured)]),
        "## Bits per byte after training",
        tables.curve_table(measured),
        "## The passages in the context, and both",
        tables.context_table(measured),
        f"“Half the strength”: the output of the adapter is multiplied by {HALF:g}.",
        tables.both_table(measured),
        "## By domain",
        tables.domain_table(measured),
        "## Questions: nats of the gold answer",
        *answers(measured),
        "## When not to train",
        "The tuner compares the first passages with the model as it is, each before its own step: "
        "their loss to the model as it is minus that to the trained model is the transfer. Where "
        f"the mean of {CHECKED} is below {transfer.MIN_TRANSFER:g}, training ends and the model "
        "answers as it is (`min_transfer`). The threshold was chosen on development texts.",
        transfer.check_table(measured),
        *answer_checks(measured),
        "What can be known of a text in advance, and the share of the base's bits that "
        f"{COMPARED} steps saved.",
        transfer.predictor_table(measured),
        f"{WITNESSES.label}: {STEPS} steps where the transfer is at least so large, {COMPARED} "
        "where it is smaller, none where the check ends training; against the same number of "
        "steps for every text, between those that were measured. All thresholds that were tried "
        "are here.",
        transfer.proportion_table(measured),
        "## Uncertainty and gain",
        f"Rank correlation (Spearman) over texts of the gain that the selection predicts for "
        f"{COMPARED} steps, ½ log(σ_0²/σ_{COMPARED}²), with the gain that was measured.",
        tables.correlation_table(measured),
        "## Adaptive number of steps",
        f"{SIFT.label}, ended at the first n with σ_n > 1/(α n), against the same number of steps "
        "for every text: the mean of the adaptive ones. No α was chosen: all that were tried are "
        "here.",
        tables.adaptive_table(measured),
        "## Time",
        timing_text(timing, setting),
    ]
    return "\n\n".join(parts) + "\n"


def command(setting: Setting) -> str:
    """How the page is made again, but for further options."""
    script = "SIFT_DATA=<folder> python benchmarks/pretrained/run.py"
    return (
        f"{script} --preset {setting.name} --texts {setting.texts} "
        f"--questions {setting.questions} --device {setting.device} --dtype {setting.dtype}"
    )


def without_date(text: str) -> str:
    """A line of `machine` without the date at its end."""
    return text.rpartition(";")[0]


def about(measured: Measured, inputs: Inputs, setting: Setting, domains: int) -> str:
    """What was done, as a list."""
    sets = sorted({question.set for question in measured.questions})
    return "\n".join(
        [
            f"- Memory: {len(inputs.memory):,} passages of at most 256 tokens, from the training "
            "parts of the domains; no book, article or file of it is one of a held-out text. "
            f"“copies”: the same with {COPIES} further copies of every passage.",
            f"- Texts: {len(measured.texts)} held-out ones of {domains} domains, of at most 256 "
            "tokens. The text itself is the query.",
            f"- Questions: {len(measured.questions)} of {', '.join(sets) or 'no set'}.",
            f"- Training: LoRA of rank 8 on all linear layers, AdamW, one passage a step, learning "
            f"rate {LEARNING_RATE:g}, at most {STEPS} steps, {setting.dtype}, the adapter in "
            f"float32. For a question the first {ANSWER_STEPS} passages that were found are "
            "trained on. Methods choose from the 200 nearest passages by "
            "all-MiniLM-L6-v2, “random passages” from the whole memory.",
            "- Bits per byte: of the text alone, mean over texts, lower is better. In the context: "
            f"the first n ≤ {SHOWN} different passages, with empty lines between them.",
            "- Square brackets: 95 % bootstrap intervals over texts or questions, of paired "
            "differences; p: of the sign-flip test. Of one model, one split and one seed, without "
            "correction for the number of comparisons.",
            f"- All of this took {measured.process_minutes:.0f} process-minutes, by "
            f"{setting.workers} processes at a time.",
            *left_out(measured, inputs, setting),
        ]
    )


def left_out(measured: Measured, inputs: Inputs, setting: Setting) -> list[str]:
    """A line that says what was asked for and not complete in time."""
    missing = {
        "texts": len(inputs.texts) - len(measured.texts),
        "questions": len(inputs.questions) - len(measured.questions),
    }
    if not any(missing.values()):
        return []
    found = " and ".join(f"{count} {name}" for name, count in missing.items() if count)
    return [
        f"- Left out: {found} that were not complete after {setting.minutes:g} minutes. The same "
        "command goes on with them."
    ]


def answers(measured: Measured) -> list[str]:
    """Tables of the questions: all, and each set."""
    count = len(measured.questions)
    if count < 2:
        return ["Fewer than two questions were complete."]
    parts = [f"All {count} questions, {ANSWER_STEPS} steps:"]
    parts.append(tables.answer_table(measured, np.ones(count, dtype=np.bool_)))
    for name in dict.fromkeys(question.set for question in measured.questions):
        rows = measured.nats_of_set(name)
        if rows.sum() >= 2:
            parts += [f"{name}, {rows.sum()} questions:", tables.answer_table(measured, rows)]
    return parts


def answer_checks(measured: Measured) -> list[str]:
    """The check's table of the questions, if there are some."""
    if len(measured.questions) < 2:
        return []
    return [
        "The same of the questions, in nats of the answer; “worse” than without training.",
        transfer.answer_check_table(measured),
    ]


def timing_text(timing: Timing, setting: Setting) -> str:
    """How long a session takes."""
    plain, checked = timing.session / timing.passes, timing.checked / timing.passes
    return (
        f"A session of {COMPARED} steps on passages of {timing.tokens:.0f} tokens (mean) took "
        f"{timing.session:.2f} s with its verification, its forward and backward passes alone "
        f"{timing.passes:.2f} s: {plain:.2f} times as long. With the check of transfer it took "
        f"{timing.checked:.2f} s ({checked:.2f} times). Medians of {timing.rounds} rounds by "
        "turns, one process alone"
        + (f" with {setting.threads} thread." if setting.device == "cpu" else ".")
    )


def as_json(measured: Measured) -> str:
    """Every text's bits per byte and every question's nats, by method and view."""
    texts = [
        {
            "domain": item.domain,
            **{
                method.label: {
                    "views": [
                        [*view, round(loss, 5)] for view, loss in done[method.label].losses.items()
                    ],
                    "step losses": [round(loss, 4) for loss in done[method.label].step_losses],
                    "base losses": [round(loss, 4) for loss in done[method.label].base_losses],
                }
                for method in METHODS
            },
        }
        for item, done in zip(measured.texts, measured.text_outcomes, strict=True)
    ]
    questions = [
        {
            "set": item.set,
            **{
                name: {
                    "views": [[*view, round(loss, 4)] for view, loss in outcome.losses.items()],
                    "step losses": [round(loss, 4) for loss in outcome.step_losses],
                    "base losses": [round(loss, 4) for loss in outcome.base_losses],
                }
                for name, outcome in done.items()
            },
        }
        for item, done in zip(measured.questions, measured.answer_outcomes, strict=True)
    ]
    return json.dumps({"texts": texts, "questions": questions})
