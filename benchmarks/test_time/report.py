"""The page of a setting: tables of bits per byte, and what the uncertainty says."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import stats

from benchmarks.common.machine import machine
from benchmarks.test_time import language_model
from benchmarks.test_time.choosers import (
    ALPHAS,
    METHODS,
    NEAREST,
    NEAREST_AGAIN,
    NEAREST_COPIES,
    PAPERS_LAMBDA,
    RANDOM,
    SIFT,
    SIFT_COPIES,
    Method,
)
from benchmarks.test_time.dataset import Dataset
from benchmarks.test_time.experiment import ADAPTIVE, BY_WAY, Measured, Values
from benchmarks.test_time.fine_tuning import LORA
from benchmarks.test_time.memory import COPIES, STEPS, Kind
from benchmarks.test_time.settings import Setting
from sift_retrievers.metrics import Comparison, paired_comparison

SHOWN = (1, 2, 5, 10, 20, 30, STEPS)
COMPARED = (10, STEPS)
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


def rival(method: Method) -> Method | None:
    """What a method is compared to: nearest neighbours in the same memory; them, in the whole."""
    if method is NEAREST:
        return None
    same = replace(NEAREST, memory=method.memory)
    return NEAREST if method == same else same


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


def curve_table(measured: Measured, way: str, methods: Sequence[Method]) -> str:
    """Mean bits per byte after some numbers of steps."""
    against = [f"against nearest neighbours, {step} steps" for step in COMPARED]
    head = ["", *(f"{step}" for step in SHOWN), "of base", *against]
    base = measured.base.mean()
    rows = [["base", *[f"{base:.4f}"] * len(SHOWN), "", *[""] * len(COMPARED)]]
    for method in methods:
        last = measured.after(way, method, STEPS)
        rows.append(
            [
                method.label,
                *(f"{measured.after(way, method, step).mean():.4f}" for step in SHOWN),
                f"{last.mean() / base:.1%}",
                *(_against(measured, way, method, step) for step in COMPARED),
            ]
        )
    return _table(head, rows)


def noise_table(measured: Measured) -> str:
    """Every λ′ against the paper's, in the same memory."""
    rows = []
    for way, methods in BY_WAY.items():
        for some in (SIFT, SIFT_COPIES):
            others = [one for one in some.values() if one in methods]
            base = some[PAPERS_LAMBDA]
            rows += [
                [way, one.label, *(_paired(measured, way, one, base, step) for step in COMPARED)]
                for one in others
                if one is not base
            ]
    return _table(["", "", *(f"{step} steps" for step in COMPARED)], rows)


def domain_table(measured: Measured) -> str:
    """Mean bits per byte of each domain after the last step."""
    names = np.array([document.domain for document in measured.documents])
    copies = SIFT_COPIES[PAPERS_LAMBDA]
    columns = (NEAREST, ADAPTIVE, NEAREST_COPIES, copies, RANDOM)
    values = [measured.after("full", method, STEPS) for method in columns]
    rows = []
    for domain in dict.fromkeys(names):
        of = names == domain
        rows.append(
            [
                domain,
                f"{of.sum()}",
                f"{measured.base[of].mean():.3f}",
                *(f"{column[of].mean():.3f}" for column in values),
                f"{(values[1] - values[0])[of].mean():+.3f}",
                f"{int((values[1] < values[0])[of].sum())}",
            ]
        )
    head = ["domain", "documents", "base", *(method.label for method in columns)]
    return _table([*head, f"{ADAPTIVE.label} − {NEAREST.label}", "documents where less"], rows)


def choice_table(measured: Measured) -> str:
    """How much the rules repeat, and how much they share with nearest neighbours."""
    nearest = measured.choices[NEAREST.label]
    rows = []
    for method in METHODS:
        choices = measured.choices[method.label]
        different = np.mean([len(set(choice.origins)) for choice in choices])
        shared = np.mean(
            [len({*a.origins} & {*b.origins}) for a, b in zip(choices, nearest, strict=True)]
        )
        near = [choice.similarity for choice in choices if choice.similarity is not None]
        cosine = f"{np.mean(near):.3f}" if near else "–"
        rows.append([method.label, f"{different:.1f}", f"{shared:.1f}", cosine])
    head = ["", f"different passages in {STEPS}", f"of them among the {STEPS} nearest"]
    return _table([*head, "mean cosine to the document"], rows)


def correlation_table(measured: Measured) -> str:
    """Spearman's ρ of σ with the gain."""
    names = np.array([document.domain for document in measured.documents])
    sigma = np.array([choice.sigma for choice in measured.choices[ADAPTIVE.label]])
    rows = []
    for way in BY_WAY:
        gain = 1 - measured.after(way, ADAPTIVE, STEPS) / measured.base
        for n in (1, 10, STEPS):
            over = np.zeros(len(names))
            rows.append(
                [way, f"σ_{n}", _rho(sigma[:, n], gain, over), _rho(sigma[:, n], gain, names)]
            )
    return _table(["", "", "ρ", "ρ within domains"], rows)


def adaptive_table(measured: Measured) -> str:
    """The α rule against a fixed number of steps, at equal compute."""
    rows = []
    for alpha in ALPHAS:
        stops, adaptive = measured.adaptive(alpha)
        fixed = measured.fixed(float(stops.mean()))
        rows.append(
            [
                f"{alpha:g}",
                f"{stops.mean():.1f}",
                f"{stops.min()}–{stops.max()}",
                f"{adaptive.mean():.4f}",
                f"{fixed.mean():.4f}",
                _difference(paired_comparison(adaptive, fixed)),
            ]
        )
    return _table(["α", "mean steps", "from–to", "adaptive", "fixed", "difference"], rows)


def sweep_table(measured: Measured) -> str:
    """What every learning rate came to on the validation documents."""
    rows = [
        [way, label, f"{rate:g}", f"{bits:.4f}"]
        for (way, label, rate), bits in measured.sweep.items()
    ]
    return _table(["", "", "learning rate", "bits per byte"], rows)


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


def _against(measured: Measured, way: str, method: Method, step: int) -> str:
    """A method less its rival, after so many steps."""
    other = rival(method)
    return "" if other is None else _paired(measured, way, method, other, step)


def _paired(measured: Measured, way: str, method: Method, other: Method, step: int) -> str:
    values = (measured.after(way, one, step) for one in (method, other))
    return _difference(paired_comparison(*values))


def _title(way: str) -> str:
    return "Full fine-tuning" if way == "full" else way


def _rho(a: Values, b: Values, groups: np.ndarray, resamples: int = 2000) -> str:
    """Spearman's ρ without the means of the groups; documents are drawn within them."""
    members = [np.flatnonzero(groups == group) for group in np.unique(groups)]

    def rho(rows: list[npt.NDArray[np.intp]]) -> float:
        x, y = (np.concatenate([v[r] - v[r].mean() for r in rows]) for v in (a, b))
        constant = np.ptp(x) == 0 or np.ptp(y) == 0
        return float("nan") if constant else float(stats.spearmanr(x, y).statistic)

    random = np.random.default_rng(0)
    drawn = [rho([random.choice(r, len(r)) for r in members]) for _ in range(resamples)]
    low, high = np.nanquantile(drawn, (0.025, 0.975)) if np.isfinite(drawn).any() else (np.nan,) * 2
    return f"{rho(members):+.2f} [{low:+.2f}, {high:+.2f}]"


def _difference(comparison: Comparison) -> str:
    found = comparison.difference
    return f"{found.mean:+.4f} [{found.low:+.4f}, {found.high:+.4f}]"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
