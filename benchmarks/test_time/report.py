"""The page of a setting: tables of bits per byte, and what the uncertainty says."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from benchmarks.common.machine import machine
from benchmarks.test_time.choosers import (
    ALPHAS,
    COPIES,
    LORA_METHODS,
    METHODS,
    NEAREST,
    NEAREST_AGAIN,
    NEAREST_COPIES,
    RANDOM,
    SIFT_COPIES,
    STEPS,
    Method,
)
from benchmarks.test_time.experiment import ADAPTIVE, BY_WAY, Measured, Values
from benchmarks.test_time.settings import Setting
from sift_retrievers.metrics import Comparison, paired_comparison

SHOWN = (1, 2, 5, 10, 20, 30, STEPS)
PACKAGES = ("numpy", "torch", "transformers", "peft")


@dataclass(frozen=True)
class About:
    """What a page says of how it came to be."""

    setting: Setting
    train: int
    """Sequences of the training split."""
    memory: int
    pretraining_minutes: float
    parameters: int


def rival(method: Method) -> Method:
    """What a method is compared to: nearest neighbours in the same memory."""
    return NEAREST_COPIES if method.duplicated else NEAREST


def page(measured: Measured, about: About) -> str:
    """The whole page, in Markdown."""
    setting = about.setting
    documents = len(measured.documents)
    domains = len({document.domain for document in measured.documents})
    command = f"SIFT_DATA=<folder> python benchmarks/test_time/run.py --setting {setting.name}"
    rates = ", ".join(f"{way} {rate:g}" for way, rate in measured.learning_rates.items())
    parts = [
        f"# Test-time fine-tuning, setting “{setting.name}”",
        f"`{command}`\n\n{machine(PACKAGES)}.",
        f"A GPT-2 of {about.parameters:,} parameters ({setting.layers} layers of {setting.width}, "
        f"{setting.vocabulary:,} tokens), trained from scratch on {about.train:,} sequences of "
        f"{domains} domains ({setting.epochs} epochs, {about.pretraining_minutes:.0f} minutes). "
        f"Memory: {about.memory:,} of them. {documents} held-out documents of at most 256 tokens. "
        f"Every run: one step a passage (Adam, batch 1, gradient norm clipped to 1), {STEPS} "
        "steps, from the pretrained weights; passages chosen from the 200 nearest by "
        f"all-MiniLM-L6-v2. Learning rates ({rates}) were chosen with nearest neighbours on "
        f"{setting.validation_per_domain * domains} other documents. All runs together: "
        f"{measured.process_minutes:.0f} process-minutes on {setting.workers} processes.",
        f"“duplicates”: the memory with {COPIES} more copies of a third of its passages. "
        f"“{NEAREST_AGAIN.name}”: the extreme of it. Differences are to nearest neighbours in the "
        "same memory, paired by document, with 95 % bootstrap intervals; below 0 is better.",
    ]
    for way, methods in BY_WAY.items():
        parts += [f"## {_title(way)}: bits per byte", curve_table(measured, way, methods)]
    parts += [
        f"## By domain, full fine-tuning, {STEPS} steps",
        domain_table(measured),
        "## What is trained on",
        choice_table(measured),
        "## Uncertainty and gain",
        "Rank correlation (Spearman, 95 % bootstrap interval) over documents of σ of "
        f"{ADAPTIVE.name} with what {STEPS} steps save, as a share of the base's bits per byte; "
        "and the same once the mean of each domain is taken off both. The paper finds that low "
        "uncertainty goes with a large gain: a negative correlation.",
        correlation_table(measured),
        "## Adaptive SIFT",
        f"{ADAPTIVE.name}, stopped at the first n with σ_n > 1/(α n), against the same method with "
        "the same number of steps for every document: the mean of the adaptive ones.",
        adaptive_table(measured),
        "## Learning rates",
        sweep_table(measured),
    ]
    return "\n\n".join(parts) + "\n"


def curve_table(measured: Measured, way: str, methods: Sequence[Method]) -> str:
    """Mean bits per byte after some numbers of steps."""
    head = ["", *(f"{step}" for step in SHOWN), "of base", "against nearest neighbours"]
    base = measured.base.mean()
    rows = [["base", *[f"{base:.4f}"] * len(SHOWN), "", ""]]
    for method in methods:
        last = measured.after(way, method, STEPS)
        rows.append(
            [
                method.label,
                *(f"{measured.after(way, method, step).mean():.4f}" for step in SHOWN),
                f"{last.mean() / base:.1%}",
                "" if rival(method) is method else _difference(compare(measured, way, method)),
            ]
        )
    return _table(head, rows)


def domain_table(measured: Measured) -> str:
    """Mean bits per byte of each domain after the last step."""
    names = np.array([document.domain for document in measured.documents])
    columns = (NEAREST, ADAPTIVE, NEAREST_COPIES, SIFT_COPIES, RANDOM)
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
                _difference(paired_comparison(values[1][of], values[0][of])),
            ]
        )
    head = ["domain", "documents", "base", *(method.label for method in columns)]
    return _table([*head, f"{ADAPTIVE.label} − {NEAREST.label}"], rows)


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
        rows.append([method.label, f"{different:.1f}", f"{shared:.1f}"])
    return _table(["", f"different passages in {STEPS}", "of them among the 50 nearest"], rows)


def correlation_table(measured: Measured) -> str:
    """Spearman's ρ of σ with the gain."""
    names = np.array([document.domain for document in measured.documents])
    sigma = np.array([choice.sigma for choice in measured.choices[ADAPTIVE.label]])
    rows = []
    for way in BY_WAY:
        gain = 1 - measured.after(way, ADAPTIVE, STEPS) / measured.base
        for n in (1, 10, STEPS):
            inside = _centred(sigma[:, n], names), _centred(gain, names)
            rows.append([way, f"σ_{n}", _rho(sigma[:, n], gain), _rho(*inside)])
    return _table(["", "", "ρ", "ρ within domains"], rows)


def adaptive_table(measured: Measured) -> str:
    """The α rule against a fixed number of steps, at equal compute."""
    rows = []
    for alpha in ALPHAS:
        stops = measured.stops(alpha)
        runs = measured.made["full", ADAPTIVE.label]
        adaptive = np.array([run.curve[n] for run, n in zip(runs, stops, strict=True)])
        fixed = measured.between("full", ADAPTIVE, float(stops.mean()))
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
    rows = [[way, f"{rate:g}", f"{bits:.4f}"] for (way, rate), bits in measured.sweep.items()]
    return _table(["", "learning rate", f"bits per byte after {STEPS} steps"], rows)


def compare(measured: Measured, way: str, method: Method) -> Comparison:
    """A method less its rival, after the last step."""
    return paired_comparison(
        measured.after(way, method, STEPS), measured.after(way, rival(method), STEPS)
    )


def as_json(measured: Measured) -> str:
    """Every document's bits per byte at the steps of the tables."""
    methods = [(way, method) for way, some in BY_WAY.items() for method in some]
    assert set(LORA_METHODS) <= set(METHODS)
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


def _centred(values: Values, groups: np.ndarray) -> Values:
    means = {group: values[groups == group].mean() for group in set(groups)}
    return values - np.array([means[group] for group in groups])


def _rho(a: Values, b: Values) -> str:
    def spearman(x: Values, y: Values) -> float:
        return float(stats.spearmanr(x, y).statistic)

    interval = stats.bootstrap(
        (a, b),
        spearman,
        paired=True,
        vectorized=False,
        n_resamples=2000,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    return f"{spearman(a, b):+.2f} [{interval.low:+.2f}, {interval.high:+.2f}]"


def _difference(comparison: Comparison) -> str:
    found = comparison.difference
    return f"{found.mean:+.4f} [{found.low:+.4f}, {found.high:+.4f}]"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
