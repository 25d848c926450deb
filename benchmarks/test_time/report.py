"""The page of a setting: how it was measured, the tables, and what the uncertainty says."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.common.machine import machine
from benchmarks.test_time import language_model
from benchmarks.test_time.choosers import NEAREST_AGAIN
from benchmarks.test_time.dataset import Dataset
from benchmarks.test_time.experiment import ADAPTIVE, BY_WAY, Measured
from benchmarks.test_time.fine_tuning import LORA
from benchmarks.test_time.memory import COPIES, STEPS, Kind
from benchmarks.test_time.settings import Setting
from benchmarks.test_time.tables import (
    adaptive_table,
    choice_table,
    correlation_table,
    curve_table,
    domain_table,
    noise_table,
    sweep_table,
)

PACKAGES = ("numpy", "torch", "transformers", "peft")


@dataclass(frozen=True)
class About:
    """What a page says of how it came to be."""

    setting: Setting
    train: int
    """Sequences of the training split."""
    copied: int
    """Held-out sequences that were left out."""
    parameters: int
    pretraining_minutes: float

    @classmethod
    def of(cls, setting: Setting, dataset: Dataset, model: Path) -> About:
        """Of a dataset and the folder of a model."""
        return cls(
            setting=setting,
            train=len(dataset.train),
            copied=dataset.copied,
            parameters=language_model.load(model)[0].num_parameters(),
            pretraining_minutes=language_model.minutes(model),
        )


def page(measured: Measured, about: About) -> str:
    """The whole page, in Markdown."""
    setting = about.setting
    rates = ", ".join(f"{way} {rate:g}" for way, rate in measured.learning_rates.items())
    command = f"SIFT_DATA=<folder> python benchmarks/test_time/run.py --setting {setting.name}"
    domains = len({document.domain for document in measured.documents})
    precision = "float32" if setting.device == "cpu" else "bfloat16, weights in float32"
    parts = [
        f"# Test-time fine-tuning, setting “{setting.name}”",
        f"`{command}`\n\n{machine(PACKAGES)}.",
        f"- Model: a GPT-2 of {about.parameters:,} parameters ({setting.layers} layers of "
        f"{setting.width}, {setting.vocabulary:,} tokens), trained from scratch on {about.train:,} "
        f"sequences of {domains} domains ({setting.epochs} epochs in bfloat16, weights in float32, "
        f"{about.pretraining_minutes:.0f} minutes).\n"
        f"- Memory: these sequences. “duplicates”: with {COPIES} more copies of a third of them; "
        f"“{NEAREST_AGAIN.name}”: the extreme of it; “{Kind.HALF}”: drawn at random; “of {STEPS}”: "
        f"from the {STEPS} nearest instead of 200.\n"
        f"- Documents: {len(measured.documents)} sequences of at most 256 tokens whose parents are "
        f"not in the training split. {about.copied} held-out sequences were left out since most of "
        "their runs of twelve words stand in it.\n"
        f"- Fine-tuning: from the pretrained weights, {STEPS} steps of one passage each, Adam, "
        f"gradient norm clipped to 1, {precision}; LoRA: rank {LORA.r} on all linear layers. "
        "Passages: of the 200 nearest by all-MiniLM-L6-v2, for “random” of the whole memory. The "
        "document itself is the query, as in the paper.\n"
        f"- Learning rates ({rates}): what nearest neighbours did best with on "
        f"{measured.validation} other documents; the last table shows the others.\n"
        "- Bits per byte: mean over documents, each with the same weight. Differences are to "
        "nearest neighbours in the same memory (of these themselves, to those in the whole one), "
        "paired by document, with 95 % bootstrap intervals over documents: of one model, one split "
        "and one seed. Below 0 is better.\n"
        f"- All fine-tuning, that of the last table too: {measured.process_minutes:.0f} "
        f"process-minutes, by {setting.workers} processes at a time.",
    ]
    for way, methods in BY_WAY.items():
        parts += [f"## {_title(way)}: bits per byte", curve_table(measured, way, methods)]
    parts += [
        f"![bits per byte against steps]({setting.name}-steps.png)",
        "## λ′",
        f"Each λ′ less {ADAPTIVE.name} in the same memory, paired by document.",
        noise_table(measured),
        f"## By domain, full fine-tuning, {STEPS} steps",
        domain_table(measured),
        "## What is trained on",
        choice_table(measured),
        "## Uncertainty and gain",
        f"Rank correlation (Spearman) over documents of σ_n of {ADAPTIVE.name} with what {STEPS} "
        "steps save, as a share of the base's bits per byte; and the same with the mean of each "
        "domain taken off both. σ_1 is a function of the highest cosine alone. The paper finds "
        "that low uncertainty goes with a large gain: a negative correlation.",
        correlation_table(measured),
        f"![uncertainty and gain]({setting.name}-uncertainty.png)",
        "## Adaptive SIFT",
        f"{ADAPTIVE.name}, ended before the first n with σ_n > 1/(α n), against the same method "
        "with the same number of steps for every document: the mean of the adaptive ones. No α was "
        "chosen: all that were tried are here.",
        adaptive_table(measured),
        "## Learning rates",
        f"Bits per byte of the {measured.validation} documents for validation after {STEPS} steps.",
        sweep_table(measured),
    ]
    return "\n\n".join(parts) + "\n"


def as_json(measured: Measured) -> str:
    """Every document's bits per byte at the steps of the tables."""
    methods = [(way, method) for way, some in BY_WAY.items() for method in some]
    return json.dumps(
        {
            "learning_rates": dict(measured.learning_rates),
            "domains": [document.domain for document in measured.documents],
            "bits_per_byte": {
                f"{way}, {method.label}": {
                    step: np.round(measured.after(way, method, step), 5).tolist()
                    for step in (0, 10, STEPS)
                }
                for way, method in methods
            },
        }
    )


def _title(way: str) -> str:
    return "Full fine-tuning" if way == "full" else way
