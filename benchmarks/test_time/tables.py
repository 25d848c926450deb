"""The tables of the page of a setting: bits per byte, choices of passages, correlations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy import stats

from benchmarks.test_time.choosers import (
    ALPHAS,
    METHODS,
    NEAREST,
    NEAREST_COPIES,
    PAPERS_LAMBDA,
    RANDOM,
    SIFT,
    SIFT_COPIES,
    Method,
)
from benchmarks.test_time.experiment import ADAPTIVE, BY_WAY, Measured, Values
from benchmarks.test_time.memory import STEPS
from sift_retrievers.metrics import Comparison, paired_comparison

SHOWN = (1, 2, 5, 10, 20, 30, STEPS)
COMPARED = (10, STEPS)


def rival(method: Method) -> Method | None:
    """What a method is compared to: nearest neighbours in the same memory; them, in the whole."""
    if method is NEAREST:
        return None
    same = replace(NEAREST, memory=method.memory)
    return NEAREST if method == same else same


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


def _against(measured: Measured, way: str, method: Method, step: int) -> str:
    """A method less its rival, after so many steps."""
    other = rival(method)
    return "" if other is None else _paired(measured, way, method, other, step)


def _paired(measured: Measured, way: str, method: Method, other: Method, step: int) -> str:
    values = (measured.after(way, one, step) for one in (method, other))
    return _difference(paired_comparison(*values))


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
