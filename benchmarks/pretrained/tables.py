"""Tables in Markdown of what was measured on texts and questions."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from benchmarks.pretrained.experiment import ANSWER_STEPS, WAYS, Measured, Values
from benchmarks.pretrained.methods import (
    COMPARED,
    HALF,
    LAMBDAS,
    LONG,
    METHODS,
    NEAREST,
    NEAREST_COPIES,
    SHOWN,
    SIFT,
    SIFT_BY_LAMBDA,
    STEPS,
    WITNESSES,
    Method,
)
from sift_retrievers.metrics import mean_interval, paired_comparison
from sift_retrievers.selection.stopping import alpha_length

ALPHAS = (0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0)
RESAMPLES = 2000
BOTH_METHODS = tuple(method for method in METHODS if method.in_context)
CONTEXT_METHODS = tuple(method for method in BOTH_METHODS if method.shows_contexts)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lines of Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def difference(a: Values, b: Values, digits: int = 3) -> str:
    """Mean of a − b with its interval."""
    found = paired_comparison(a, b).difference
    return f"{found.mean:+.{digits}f} [{found.low:+.{digits}f}, {found.high:+.{digits}f}]"


def harm(values: Values, base: Values) -> str:
    """Share of the texts or questions that are worse than by other means."""
    return f"{(values > base).mean():.0%}"


def curve_table(measured: Measured) -> str:
    """Bits per byte after some numbers of steps, for each method."""
    head = ["", *(f"{step}" for step in LONG), f"{COMPARED} steps − base"]
    head += [f"{COMPARED} steps − nearest neighbours", f"worse than base, {COMPARED} steps"]
    base = measured.base
    rows = [["base", *[f"{base.mean():.3f}"] * len(LONG), "", "", ""]]
    for method in METHODS:
        means = [
            f"{measured.bits(method, step).mean():.3f}" if step in method.watched else ""
            for step in LONG
        ]
        last = ["", "", ""]
        if COMPARED in method.watched:
            bits = measured.bits(method, COMPARED)
            rival = NEAREST_COPIES if method.copies else NEAREST
            against = "" if method is rival else difference(bits, measured.bits(rival, COMPARED))
            last = [difference(bits, base), against, harm(bits, base)]
        rows.append([method.label, *means, *last])
    return table(head, rows)


def context_table(measured: Measured) -> str:
    """Bits per byte with the first passages before the text, without training."""
    head = ["", *(f"{n} in context" for n in range(1, SHOWN + 1))]
    head += [
        f"{SHOWN} in context − base",
        f"{SHOWN} in context − {COMPARED} steps",
        "worse than base",
    ]
    base = measured.base
    rows = []
    for method in CONTEXT_METHODS:
        shown = measured.bits(method, 0, SHOWN)
        rows.append(
            [
                method.label,
                *(f"{measured.bits(method, 0, n).mean():.3f}" for n in range(1, SHOWN + 1)),
                difference(shown, base),
                difference(shown, measured.bits(method, COMPARED)),
                harm(shown, base),
            ]
        )
    return table(head, rows)


def both_table(measured: Measured) -> str:
    """Bits per byte after training, with the first passages before the text in addition."""
    head = ["", f"{COMPARED} steps", f"{COMPARED} steps and {SHOWN} in context"]
    head += ["both − context alone", "half the strength", "half the strength and context"]
    head += ["half and context − context alone", "worse than context alone: both, half and context"]
    rows = []
    for method in BOTH_METHODS:
        context = measured.bits(method if method.shows_contexts else WITNESSES, 0, SHOWN)
        both = measured.bits(method, COMPARED, SHOWN)
        half = measured.bits(method, COMPARED, SHOWN, HALF)
        rows.append(
            [
                method.label,
                f"{measured.bits(method, COMPARED).mean():.3f}",
                f"{both.mean():.3f}",
                difference(both, context),
                f"{measured.bits(method, COMPARED, 0, HALF).mean():.3f}",
                f"{half.mean():.3f}",
                difference(half, context),
                f"{harm(both, context)}, {harm(half, context)}",
            ]
        )
    return table(head, rows)


def domain_table(measured: Measured) -> str:
    """Each domain: base, trained, in context, both, for the last of the methods in context."""
    names = np.array([text.domain for text in measured.texts])
    method = CONTEXT_METHODS[-1]
    columns = {
        "base": measured.base,
        f"{NEAREST.label}, {COMPARED} steps": measured.bits(NEAREST, COMPARED),
        f"{method.label}, {COMPARED} steps": measured.bits(method, COMPARED),
        f"{method.label}, {SHOWN} in context": measured.bits(method, 0, SHOWN),
        f"{method.label}, both": measured.bits(method, COMPARED, SHOWN),
    }
    rows = [
        [
            name,
            f"{(names == name).sum()}",
            *(f"{v[names == name].mean():.3f}" for v in columns.values()),
        ]
        for name in dict.fromkeys(names.tolist())
    ]
    return table(["domain", "texts", *columns], rows)


def predicted_gain(measured: Measured, method: Method, steps: int = COMPARED) -> Values:
    """½ log σ_0²/σ_N² of each text, in nats: `[T]`."""
    sigma = [text.choices[method.label].sigma for text in measured.texts]
    return np.array([math.log(one[0] / one[steps]) for one in sigma])


def correlation_table(measured: Measured) -> str:
    """Rank correlation of predicted and measured gains."""
    rows = []
    for value in LAMBDAS:
        method = SIFT if SIFT_BY_LAMBDA[value].label == SIFT.label else SIFT_BY_LAMBDA[value]
        predicted = predicted_gain(measured, method)
        saved = measured.base - measured.bits(method, COMPARED)
        shares = saved / measured.base
        rows.append(
            [method.label, rank_correlation(predicted, saved), rank_correlation(predicted, shares)]
        )
    return table(["", "with bits per byte saved", "with the share of the base's saved"], rows)


def rank_correlation(a: Values, b: Values) -> str:
    """Spearman's ρ and its bootstrap interval over texts."""
    random = np.random.default_rng(0)
    drawn = [_rho(a[rows], b[rows]) for rows in random.integers(0, len(a), (RESAMPLES, len(a)))]
    if not np.isfinite(drawn).any():
        return "–"
    low, high = np.nanquantile(drawn, (0.025, 0.975))
    return f"{_rho(a, b):+.2f} [{low:+.2f}, {high:+.2f}]"


def _rho(a: Values, b: Values) -> float:
    x, y = _ranks(a), _ranks(b)
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return math.nan
    return float(np.corrcoef(x, y)[0, 1])


def _ranks(values: Values) -> Values:
    """Ranks from 0; equal values share their mean rank."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    last: Values = np.cumsum(count) - 1.0
    ranks: Values = (last - (count - 1) / 2)[place]
    return ranks


def adaptive_table(measured: Measured) -> str:
    """The α rule against the same number of steps for every text: the mean of the adaptive ones."""
    sigma = np.array([text.choices[SIFT.label].sigma for text in measured.texts])
    curve = np.stack([measured.bits(SIFT, step) for step in range(STEPS + 1)])
    rows = []
    for alpha in ALPHAS:
        stops = alpha_length(sigma[:, : STEPS + 1] ** 2, 1, alpha)
        adaptive = curve[stops, np.arange(len(stops))]
        fixed = fixed_steps(curve, float(stops.mean()))
        rows.append(
            [
                f"{alpha:g}",
                f"{stops.mean():.1f}",
                f"{stops.min()}–{stops.max()}",
                f"{adaptive.mean():.3f}",
                f"{fixed.mean():.3f}",
                difference(adaptive, fixed),
            ]
        )
    return table(["α", "mean steps", "from–to", "adaptive", "fixed", "adaptive − fixed"], rows)


def fixed_steps(curve: npt.NDArray[np.float64], steps: float) -> Values:
    """Bits per byte after a number of steps that need not be whole: the weighted mean of both."""
    low, share = math.floor(steps), steps % 1
    found: Values = (1 - share) * curve[low] + share * curve[math.ceil(steps)]
    return found


def answer_table(measured: Measured, rows: npt.NDArray[np.bool_]) -> str:
    """Nats of the gold answers: no context, context, trained, both; for some of the questions."""
    none = measured.nats(WAYS[0], 0, 0)[rows]
    head = ["passages found by", f"{SHOWN} in context", f"{ANSWER_STEPS} steps", "both"]
    head += ["context − none", "steps − none", "both − context"]
    head += ["worse than none: context, steps, both"]
    body = [["(none)", f"{none.mean():.2f}", "", "", "", "", "", ""]]
    for way in WAYS:
        context, tuned, both = (
            measured.nats(way, steps, shown)[rows]
            for steps, shown in ((0, SHOWN), (ANSWER_STEPS, 0), (ANSWER_STEPS, SHOWN))
        )
        body.append(
            [
                way.name,
                *(f"{values.mean():.2f}" for values in (context, tuned, both)),
                difference(context, none, 2),
                difference(tuned, none, 2),
                difference(both, context, 2),
                ", ".join(harm(values, none) for values in (context, tuned, both)),
            ]
        )
    return table(head, body)


def interval(values: Values) -> str:
    """Mean and interval."""
    found = mean_interval(values)
    return f"{found.mean:.3f} [{found.low:.3f}, {found.high:.3f}]"
