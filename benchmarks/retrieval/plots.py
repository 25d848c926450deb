"""A picture of the results: coverage against k, at most six methods."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.retrieval.methods import NEAREST, OURS, PEER, Method
from benchmarks.retrieval.results import Key, Results
from benchmarks.retrieval.variants import CUTOFFS

MOST_METHODS = 6
COLOURS = ("#0b5394", "#1a7f5a", "#c0392b", "#e67e22", "#7f8c8d")


def pyplot() -> Any:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    return plt


def drawn(results: Results, way: str) -> list[Method]:
    """Nearest neighbours, our methods, and peers: the best of each variant."""
    nearest = [method for method in results.methods if method.family == NEAREST][:1]
    ours = [method for method in results.methods if method.family == OURS]
    best = {results.best_peer(keys, way) for keys in results.variants.values()}
    peers = sorted(
        (method for method in results.methods if method.name in best),
        key=lambda method: -results.mean(results.keys, method.name, way),
    )
    return [*nearest, *ours, *peers][:MOST_METHODS]


def coverage_by_k(results: Results, title: str, file: Path, way: str = "default") -> None:
    """Mean coverage over sets against the number of passages, a panel a variant."""
    plt = pyplot()
    groups = results.variants
    figure, panels = plt.subplots(1, len(groups), figsize=(1 + 3.2 * len(groups), 4), squeeze=False)
    for axes, (variant, keys) in zip(panels[0], groups.items(), strict=True):
        colours = iter(COLOURS)
        for method in drawn(results, way):
            family = method.family
            axes.plot(
                CUTOFFS[variant],
                _curve(results, keys, method.name, way),
                marker="o",
                markersize=3.5,
                color="black" if family == NEAREST else next(colours),
                linestyle="--" if family == PEER else "-",
                label=method.name,
            )
        axes.set(xlabel="passages k", title=variant, xticks=CUTOFFS[variant])
        axes.grid(alpha=0.3)
    panels[0][0].set_ylabel("coverage@k")
    panels[0][-1].legend(fontsize=7)
    figure.suptitle(title)
    figure.tight_layout()
    figure.savefig(file, dpi=110)
    plt.close(figure)


def _curve(results: Results, keys: list[Key], method: str, way: str) -> Any:
    """`[cutoffs]` mean over sets."""
    scores = [results.scores[key, method, way].coverage for key in keys]
    return np.mean([[values.mean() for values in each.values()] for each in scores], axis=0)
