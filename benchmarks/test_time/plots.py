"""Pictures of a setting: bits per byte against steps, and uncertainty against gain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.retrieval.plots import pyplot
from benchmarks.test_time.choosers import (
    ALPHAS,
    LORA_METHODS,
    NEAREST,
    NEAREST_COPIES,
    SIFT,
    SIFT_COPIES,
    UNCERTAINTY,
    Method,
)
from benchmarks.test_time.experiment import ADAPTIVE, Measured
from benchmarks.test_time.memory import STEPS
from benchmarks.test_time.tables import SHOWN

DRAWN: Final[Mapping[str, Sequence[Method]]] = {
    "full": (NEAREST, NEAREST_COPIES, UNCERTAINTY, SIFT[0.01], SIFT[1.0], SIFT_COPIES[1.0]),
    "LoRA": LORA_METHODS,
}
"""At most six a panel; the tables have all."""
COLOURS: Final = {
    NEAREST.name: "#000000",
    UNCERTAINTY.name: "#d55e00",
    SIFT[0.01].name: "#56b4e9",
    SIFT[0.1].name: "#8e44ad",
    SIFT[1.0].name: "#009e73",
}
"""By the name; a memory with duplicates has dashed lines."""

Curves = Mapping[str, Mapping[str, Sequence[float]]]
"""By the way of fine-tuning and the method's label: means over documents at the
steps of the tables, and before the first."""


def draw(measured: Measured, folder: Path, name: str) -> None:
    """Write `<name>-steps.png` and `<name>-uncertainty.png`."""
    curves = {
        way: {
            method.label: [measured.after(way, method, step).mean() for step in (0, *SHOWN)]
            for method in methods
        }
        for way, methods in DRAWN.items()
    }
    draw_steps(curves, folder / f"{name}-steps.png")
    draw_uncertainty(measured, folder / f"{name}-uncertainty.png")


def draw_steps(curves: Curves, file: Path) -> None:
    """Bits per byte against steps, a panel for each way of fine-tuning."""
    figure, axes = pyplot().subplots(1, len(curves), figsize=(12, 5.4), sharey=True)
    for ax, (way, of_methods) in zip(axes, curves.items(), strict=True):
        for label, means in of_methods.items():
            name, _, memory = label.partition(", ")
            look = {"color": COLOURS[name], "linestyle": "--" if memory else "-"}
            ax.plot((0, *SHOWN), means, label=label, marker="o", markersize=3.5, **look)
        ax.set(title=f"{way} fine-tuning", xlabel="steps (one passage each)")
        ax.grid(alpha=0.3)
        ax.legend(fontsize=9, ncol=2, loc="upper center", bbox_to_anchor=(0.5, -0.14))
    axes[0].set_ylabel("bits per byte, mean over documents")
    _save(figure, file)


def draw_uncertainty(measured: Measured, file: Path) -> None:
    """Uncertainty against gain, and what the α rule saves."""
    plt = pyplot()
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
    right.plot(*zip(*points, strict=True), "o", color="#0b5394", label="adaptive")
    right.set(
        xlabel="mean steps a document", ylabel="bits per byte", title=f"α rule, {ADAPTIVE.name}"
    )
    right.legend(fontsize=8)
    _save(figure, file)


def _save(figure: Any, file: Path) -> None:
    figure.tight_layout()
    figure.savefig(file, dpi=110)
