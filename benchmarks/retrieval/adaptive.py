"""A number of passages that fits the question: what each rule finds for the passages it takes.

    SIFT_DATA=<folder> python benchmarks/retrieval/adaptive.py --model wordllama

Every rule cuts the picks of the retrievers' default among 100 candidates to a prefix of at most 20;
its parameter is swept, which traces coverage against the mean number of passages. The saving is the
share of the passages that a rule does without at the coverage that a fixed k of 3, 5 or 10 has.
Writes adaptive-<model>.md and .png to benchmarks/retrieval/results/.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.common.embeddings import CACHE
from benchmarks.common.machine import machine
from benchmarks.common.models import Embedder
from benchmarks.retrieval.candidates import Candidates
from benchmarks.retrieval.evaluate import covered
from benchmarks.retrieval.methods import MOST
from benchmarks.retrieval.plots import pyplot
from benchmarks.retrieval.sets import Loaded, load_chosen, not_measured, parser
from sift_retrievers.calibration import DEFAULT, Setting
from sift_retrievers.selection import select_with_uncertainty

FIXED = (3, 5, 10)
ALL = "all sets and variants"
FIXED_K = "fixed k"
QUANTILES = np.linspace(0, 1, 121)

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Run:
    """The picks of Q queries of one set, and what rules look at: each `[Q, MOST]`."""

    cosines: Array
    """Of each pick to the query."""
    nearest: Array
    """`[Q, 1]` cosine of the nearest candidate."""
    standard: Array
    """Of each pick, the cosine's distance from the candidates' mean in standard deviations."""
    gains: Array
    """Nats."""
    deviations: Array
    """σ_n after each pick."""
    left: Array
    """Before each pick, the share of what all candidates together explain of σ² that is left."""
    coverage: Array
    """After each pick."""
    nearest_coverage: Array
    """After each of the nearest candidates."""


def picked(candidates: Candidates, setting: Setting) -> Run:
    """Pick by a rule."""
    size = candidates.cosines.shape[1]
    found, left = select_with_uncertainty(
        candidates.queries, candidates.vectors, size, **setting.arguments
    )
    picks = found.indices[:, :MOST]
    cosines = candidates.cosines.astype(np.float64)
    chosen = np.take_along_axis(cosines, picks, axis=1)
    variance = left.astype(np.float64)
    explained = variance[:, :1] - variance[:, -1:]
    return Run(
        cosines=chosen,
        nearest=cosines[:, :1],
        standard=(chosen - cosines.mean(axis=1, keepdims=True))
        / cosines.std(axis=1, keepdims=True),
        gains=found.gains[:, :MOST].astype(np.float64),
        deviations=np.sqrt(np.maximum(variance[:, 1 : MOST + 1], 1e-12)),
        left=(variance[:, :MOST] - variance[:, -1:]) / explained,
        coverage=covered(candidates, candidates.rows_at(picks.astype(np.int64))),
        nearest_coverage=covered(candidates, candidates.rows[:, :MOST]),
    )


def places(run: Run) -> Array:
    return np.broadcast_to(np.arange(1.0, run.gains.shape[1] + 1), run.gains.shape)


# What a rule looks at: it stops before the first pick at which this is below its parameter.
RULES: dict[str, Callable[[Run], Array]] = {
    FIXED_K: lambda run: -places(run),
    "min_gain": lambda run: run.gains,
    "gain, share of the first": lambda run: run.gains / run.gains[:, :1],
    "α rule": lambda run: 1 / (places(run) * run.deviations),  # σ_n > 1/(α n)
    "what is left to explain": lambda run: run.left,
    "similarity threshold": lambda run: run.cosines,
    "similarity, share of the nearest": lambda run: run.cosines / run.nearest,
    "similarity, standardized": lambda run: run.standard,
}


def lengths(seen: Array, parameter: float) -> npt.NDArray[np.int64]:
    """`[Q]` picks kept: those before the first that is below the parameter, at least 1."""
    stop = seen < parameter
    kept = np.where(stop.any(axis=1), stop.argmax(axis=1), stop.shape[1])
    atleast_one: npt.NDArray[np.int64] = np.maximum(kept, 1)
    return atleast_one


@dataclass(frozen=True)
class Curve:
    """A rule at every value of its parameter; means over sets, each weighing the same."""

    parameters: npt.NDArray[np.float64]
    passages: npt.NDArray[np.float64]
    coverage: npt.NDArray[np.float64]

    def at(self, passages: float) -> float:
        """Coverage at a mean number of passages, between the values swept."""
        order = np.argsort(self.passages, kind="stable")
        return float(np.interp(passages, self.passages[order], self.coverage[order]))

    def needed(self, coverage: float) -> float:
        """Mean passages for this coverage, between the values swept; infinity if not reached."""
        order = np.argsort(self.passages, kind="stable")
        found, taken = np.maximum.accumulate(self.coverage[order]), self.passages[order]
        if found[-1] < coverage:
            return float("inf")
        return float(np.interp(coverage, found, taken))


def sweep(rule: str, runs: Sequence[Run]) -> Curve:
    """The curve of a rule over sets; one value of the parameter serves all sets and queries.

    The values are quantiles of what the rule looks at, so that all lengths occur.
    """
    seen = [RULES[rule](run) for run in runs]
    every = np.concatenate([np.ravel(one) for one in seen])
    parameters = np.unique(np.quantile(every, QUANTILES))
    passages, coverage = np.empty(len(parameters)), np.empty(len(parameters))
    for n, parameter in enumerate(parameters.tolist()):
        kept = [lengths(one, parameter) for one in seen]
        passages[n] = np.mean([each.mean() for each in kept])
        coverage[n] = np.mean(
            [
                run.coverage[np.arange(len(each)), each - 1].mean()
                for run, each in zip(runs, kept, strict=True)
            ]
        )
    return Curve(parameters, passages, coverage)


def nearest_curve(runs: Sequence[Run]) -> Curve:
    """Nearest neighbour with a fixed k."""
    most = min(run.nearest_coverage.shape[1] for run in runs)
    coverage = np.mean([run.nearest_coverage.mean(axis=0)[:most] for run in runs], axis=0)
    sizes = np.arange(1.0, most + 1)
    return Curve(sizes, sizes, coverage)


def tables(curves: dict[str, Curve], base: Curve, against: str) -> list[str]:
    """Coverage at the passages of a fixed k, and the saving at its coverage."""
    lines = ["| rule | " + " | ".join(f"coverage at {k} passages" for k in FIXED) + " | "]
    lines[0] += " | ".join(f"passages for the coverage of {against}, k = {k}" for k in FIXED) + " |"
    lines.append("|" + "---|" * (1 + 2 * len(FIXED)))
    for name, curve in curves.items():
        cells = [f"{curve.at(k):.3f}" for k in FIXED]
        for k in FIXED:
            needed = curve.needed(base.at(k))
            saved = f"{needed:.2f} ({1 - needed / k:+.0%} saved)" if np.isfinite(needed) else "–"
            cells.append(saved)
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def plot(curves: dict[str, Curve], title: str, file: Path) -> None:
    plt = pyplot()
    figure, axes = plt.subplots(figsize=(7, 4.5))
    for name, curve in curves.items():
        order = np.argsort(curve.passages)
        width = 2.4 if name == FIXED_K else 1.4
        colour = "black" if name == FIXED_K else None
        axes.plot(
            curve.passages[order], curve.coverage[order], linewidth=width, color=colour, label=name
        )
    axes.set(xlabel="mean number of passages", ylabel="coverage", title=title)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(file, dpi=110)
    plt.close(figure)


def main(
    arguments: list[str] | None = None,
    *,
    embedder: Embedder | None = None,
    folder: Path = CACHE,
) -> int:
    chosen = parser("Rules for the number of passages.").parse_args(arguments)
    loaded = load_chosen(chosen, embedder, folder=folder)
    if loaded is None:
        return 2
    chosen.results.mkdir(parents=True, exist_ok=True)
    model = embedder.name if embedder else chosen.model
    head = [
        f"# How many passages: rules against a fixed k, embeddings by {model}",
        "",
        f"`python benchmarks/retrieval/adaptive.py` on {machine()}.",
        "",
        f"Picks: {in_words(DEFAULT)}; at most {MOST} of {chosen.candidates} candidates.",
        not_measured(loaded.missing, chosen.sets),
    ]
    lines = tables_of(DEFAULT, loaded, chosen.candidates, chosen.results / f"adaptive-{model}.png")
    (chosen.results / f"adaptive-{model}.md").write_text("\n".join([*head, *lines, ""]))
    print(f"written to {chosen.results}")
    return 0


def in_words(setting: Setting) -> str:
    """The rule as a line of a page."""
    return f"{setting.kernel}, objective {setting.objective!r}, λ′ = {setting.lambda_:g}"


def tables_of(setting: Setting, loaded: Loaded, size: int, file: Path) -> list[str]:
    """The tables about one rule's picks, over all and by variant, and its plot in `file`."""
    groups: dict[str, list[Run]] = {ALL: []}
    for one in loaded.candidates:
        run = picked(one.nearest(size), setting)
        for group in (ALL, one.variant):
            groups.setdefault(group, []).append(run)
    lines: list[str] = []
    for group, runs in groups.items():
        curves = {rule: sweep(rule, runs) for rule in RULES}
        near = nearest_curve(runs)
        lines += ["", f"## {group}", "", *tables(curves, curves[FIXED_K], "the same picks")]
        lines += ["", *tables(curves, near, "nearest neighbour")]
        if group == ALL:
            plot(curves, f"Mean of {len(runs)} sets and variants", file)
    return lines


if __name__ == "__main__":
    sys.exit(main())
