"""Uncertainty as a warning: does what is left of it tell that the evidence is missing?

    SIFT_DATA=<folder> python benchmarks/retrieval/warning.py --model wordllama

For a random half of the questions of every set all gold passages are taken out of the candidates
(200 found, the 100 nearest that are left are used, for the other half too). The area under the ROC
curve is the probability that a question without its evidence scores above one with it. Questions
whose evidence was not among the candidates to begin with are left out. Writes warning-<model>.md
and .png to benchmarks/retrieval/results/.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.common.embeddings import CACHE
from benchmarks.common.machine import machine
from benchmarks.common.models import Embedder
from benchmarks.retrieval.candidates import Candidates
from benchmarks.retrieval.data import SEED
from benchmarks.retrieval.plots import pyplot
from benchmarks.retrieval.sets import load_chosen, not_measured, parser
from sift_retrievers.calibration import DEFAULT, Setting
from sift_retrievers.kernels import Cosine
from sift_retrievers.metrics import roc_auc
from sift_retrievers.selection import select_with_uncertainty

PICKS = (3, 10)
Signal = npt.NDArray[np.float64]
"""`[Q]`, higher for what is more likely to lack its evidence."""


def uncertainty(setting: Setting, picks: int) -> Callable[[Candidates], Signal]:
    """σ² after so many picks."""

    def signal(candidates: Candidates) -> Signal:
        _, left = select_with_uncertainty(
            candidates.queries, candidates.vectors, picks, **setting.arguments
        )
        return np.asarray(left[:, -1], dtype=np.float64)

    return signal


def dissimilarity(count: int) -> Callable[[Candidates], Signal]:
    """Less the mean cosine of the `count` nearest."""
    return lambda candidates: -candidates.cosines[:, :count].mean(axis=1).astype(np.float64)


RULES: dict[str, Setting] = {
    **{f"cosine, λ′ = {noise}": Setting(Cosine(), noise) for noise in (0.01, 0.1, 1.0)},
    f"version 0.1, λ′ = {DEFAULT.lambda_:g}": DEFAULT,
}
SIGNALS: dict[str, Callable[[Candidates], Signal]] = {
    "similarity of the nearest": dissimilarity(1),
    "mean similarity of the 10 nearest": dissimilarity(10),
    **{
        f"σ² after {picks} picks, {name}": uncertainty(setting, picks)
        for name, setting in RULES.items()
        for picks in PICKS
    },
}


def without_gold(candidates: Candidates, size: int) -> tuple[Candidates, npt.NDArray[np.bool_]]:
    """The answerable questions, half of them without their gold passages, and which.

    Args:
        candidates: with more than `size` candidates a query, to fill up from.
        size: candidates left to each query; a query that has fewer after the removal is left out.

    Returns:
        The candidates, and `[Q]` true where the evidence is gone.
    """
    gold = candidates.gold
    answerable = np.flatnonzero(gold[:, :size].any(axis=1)).tolist()
    drawn = random.Random(f"{SEED}:{candidates.name}").sample(answerable, len(answerable) // 2)
    kept, gone = [], []
    for query in answerable:
        removed = query in set(drawn)
        left = np.flatnonzero(~(gold[query] & removed))[:size]
        if len(left) == size:
            kept.append((query, left))
            gone.append(removed)
    rows = np.array([query for query, _ in kept])
    columns = np.stack([left for _, left in kept])
    changed = replace(
        candidates,
        asked=tuple(candidates.asked[query] for query in rows),
        queries=candidates.queries[rows],
        rows=candidates.rows[rows[:, None], columns],
        cosines=candidates.cosines[rows[:, None], columns],
    )
    return changed, np.array(gone)


def plot(names: list[str], means: list[float], title: str, file: Path) -> None:
    plt = pyplot()
    figure, axes = plt.subplots(figsize=(7, 4.5))
    colours = ["#7f8c8d" if "similarity" in name else "#3d85c6" for name in names]
    axes.barh(range(len(names)), means, color=colours)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.invert_yaxis()
    axes.set(xlim=(0.4, 1), xlabel="AUROC, mean over sets and variants", title=title)
    axes.axvline(0.5, color="black", linewidth=0.8)
    axes.grid(alpha=0.3, axis="x")
    figure.tight_layout()
    figure.savefig(file, dpi=110)
    plt.close(figure)


def main(
    arguments: list[str] | None = None,
    *,
    embedder: Embedder | None = None,
    folder: Path = CACHE,
) -> int:
    chosen = parser("AUROC of uncertainty for missing evidence.").parse_args(arguments)
    loaded = load_chosen(chosen, embedder, folder=folder)
    if loaded is None:
        return 2
    model = embedder.name if embedder else chosen.model
    figures: dict[str, list[float]] = {name: [] for name in SIGNALS}
    columns = []
    for one in loaded.candidates:
        changed, gone = without_gold(one, min(chosen.candidates, one.rows.shape[1] // 2))
        columns.append(f"{one.name}, {one.variant} ({len(gone)})")
        for name, signal in SIGNALS.items():
            figures[name].append(roc_auc(gone, signal(changed)))
    lines = [
        f"# Uncertainty as a warning that the evidence is missing, embeddings by {model}",
        "",
        f"`python benchmarks/retrieval/warning.py` on {machine()}.",
        "",
        f"AUROC; {chosen.candidates} candidates; the gold passages of half of the questions are",
        "removed. In brackets: questions whose evidence was among the candidates.",
        "",
    ]
    gaps = not_measured(loaded.missing, chosen.sets)
    lines += [gaps, ""] if gaps else []
    lines.append(f"| signal | mean | {' | '.join(columns)} |")
    lines.append("|" + "---|" * (2 + len(columns)))
    for name, values in figures.items():
        cells = [f"{np.mean(values):.3f}", *(f"{value:.3f}" for value in values)]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    chosen.results.mkdir(parents=True, exist_ok=True)
    (chosen.results / f"warning-{model}.md").write_text("\n".join([*lines, ""]))
    means = [float(np.mean(values)) for values in figures.values()]
    title = "Half of the questions without their evidence"
    plot([*figures], means, title, chosen.results / f"warning-{model}.png")
    print(f"written to {chosen.results}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
