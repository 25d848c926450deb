"""Pictures of a setting: bits per byte against steps, and uncertainty against gain."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.retrieval.plots import pyplot
from benchmarks.test_time.choosers import ALPHAS, NEAREST_AGAIN, Method
from benchmarks.test_time.experiment import ADAPTIVE, BY_WAY, WATCHED, Measured
from benchmarks.test_time.memory import STEPS, Kind

COLOURS = {
    "nearest neighbour": "black",
    "the nearest one again and again": "#7f8c8d",
    "random": "#e67e22",
    "uncertainty sampling": "#c0392b",
    "SIFT(0.01)": "#0b5394",
    "SIFT(0.01) of 50": "#8e63b5",
    "SIFT(0.1)": "#3d85c6",
    "SIFT(1)": "#1a7f5a",
}

LINES = {Kind.WHOLE: "-", Kind.COPIES: "--", Kind.HALF: ":"}


def draw(measured: Measured, folder: Path, name: str) -> None:
    """Write `<name>-steps.png` and `<name>-uncertainty.png`."""
    plt = pyplot()
    figure, axes = plt.subplots(1, len(BY_WAY), figsize=(12, 4.8), sharey=True)
    for ax, (way, methods) in zip(axes, BY_WAY.items(), strict=True):
        for method in methods:
            curve = [measured.after(way, method, step).mean() for step in WATCHED]
            ax.plot(WATCHED, curve, label=method.label, **_look(method))
        ax.set(title=f"{way} fine-tuning", xlabel="steps (one passage each)")
        ax.legend(fontsize=8)
    axes[0].set_ylabel("bits per byte, mean over documents")
    # One line leaves the others no room.
    others = [method for method in BY_WAY["full"] if method is not NEAREST_AGAIN]
    shown = [measured.after("full", one, step).mean() for one in others for step in WATCHED]
    axes[0].set_ylim(min(shown) - 0.01, max(shown) + 0.06)
    _save(figure, folder / f"{name}-steps.png")

    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4.8))
    sigma = np.array([choice.sigma[-1] for choice in measured.choices[ADAPTIVE.label]])
    gain = 1 - measured.after("full", ADAPTIVE, STEPS) / measured.base
    domains = np.array([document.domain for document in measured.documents])
    colours = plt.get_cmap("tab20")
    for i, domain in enumerate(dict.fromkeys(domains)):
        of = domains == domain
        left.scatter(sigma[of], 100 * gain[of], s=18, color=colours(i % 20), label=domain)
    left.set(
        xlabel=f"σ after {STEPS} steps, {ADAPTIVE.name}",
        ylabel="bits per byte saved, % of base",
        title="Uncertainty and gain, a dot a document",
    )
    left.legend(fontsize=6, ncol=2)
    steps = range(STEPS + 1)
    fixed = [measured.fixed(step).mean() for step in steps]
    right.plot(steps, fixed, color="black", label="the same number of steps for all")
    found = [measured.adaptive(alpha) for alpha in ALPHAS]
    points = [(stops.mean(), bits.mean()) for stops, bits in found]
    right.plot(*zip(*points, strict=True), "o", color=COLOURS[ADAPTIVE.name], label="adaptive")
    right.set(
        xlabel="mean steps a document", ylabel="bits per byte", title=f"α rule, {ADAPTIVE.name}"
    )
    right.legend(fontsize=8)
    _save(figure, folder / f"{name}-uncertainty.png")


def _look(method: Method) -> dict[str, Any]:
    return {
        "color": COLOURS[method.name],
        "linestyle": LINES[method.memory],
        "linewidth": 1.8,
        "marker": "o",
        "markersize": 3,
    }


def _save(figure: Any, file: Path) -> None:
    figure.tight_layout()
    figure.savefig(file, dpi=110)
