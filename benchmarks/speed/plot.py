"""The picture of cpu.md: six methods over the number of candidates."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from benchmarks.speed.one_query import Found
from benchmarks.speed.turns import median

SHOWN: Final = {
    "default, compiled": "SIFT, default rule, compiled",
    "default, numpy": "SIFT, default rule, numpy alone",
    "cosine, compiled": "SIFT, cosine, compiled",
    "pyversity MMR": "pyversity MMR",
    "LangChain MMR": "LangChain MMR",
    "activeft": "activeft (SIFT)",
}
PICKS, DIM = 10, 1024


def plot(found: Found, file: Path) -> None:
    """Milliseconds of the quiet machine with default threads, N = 10, d = 1024."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4.5))
    for name, label in SHOWN.items():
        points = [
            (count, median(times[name]))
            for (count, k, dim), times in sorted(found.items())
            if (k, dim) == (PICKS, DIM) and name in times
        ]
        if points:
            width = 2.5 if label.startswith("SIFT") else 1.2
            axes.plot(*zip(*points, strict=True), marker="o", linewidth=width, label=label)
    axes.set(xscale="log", yscale="log", xlabel="candidates K", ylabel="milliseconds a query")
    axes.set_title(f"Selecting {PICKS} of K passages, d = {DIM}, one query on a CPU")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(file, dpi=110)
