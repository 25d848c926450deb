"""Pictures of the results: coverage against k, and what robustness to duplicates costs without."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.retrieval.methods import CUTOFFS
from benchmarks.retrieval.results import Results
from benchmarks.retrieval.tune import POOL, Key

OURS_COLOURS = ("#0b5394", "#3d85c6", "#6fa8dc", "#1a7f5a", "#57b894", "#8e63b5", "#b392d6")
PEER_COLOURS = ("#c0392b", "#e67e22", "#f1c40f", "#a0522d", "#d98880", "#7f8c8d", "#bdc3c7")


def pyplot() -> Any:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    return plt


def styles(results: Results) -> dict[str, dict[str, Any]]:
    """Method → how it is drawn: ours in full lines, peers broken, nearest neighbour black."""
    found: dict[str, dict[str, Any]] = {}
    ours, peers = iter(OURS_COLOURS * 2), iter(PEER_COLOURS * 2)
    for method in results.methods:
        if method.family == "nearest neighbour":
            found[method.name] = {"color": "black", "linewidth": 2.2}
        elif method.family == "ours":
            found[method.name] = {"color": next(ours), "linewidth": 1.8}
        else:
            found[method.name] = {"color": next(peers), "linewidth": 1.2, "linestyle": "--"}
    return found


def coverage_by_k(results: Results, keys: list[Key], way: str, title: str, file: Path) -> None:
    """Mean coverage over sets against the number of passages, less nearest neighbour's."""
    plt = pyplot()
    figure, axes = plt.subplots(figsize=(7.5, 4.8))
    look = styles(results)
    base = _curve(results, keys, results.methods[0].name, way)
    for method in results.methods:
        curve = _curve(results, keys, method.name, way)
        if curve is None or base is None:
            continue
        axes.plot(
            CUTOFFS,
            curve - base,
            marker="o",
            markersize=3.5,
            label=method.name,
            **look[method.name],
        )
    axes.set(
        xlabel="passages k",
        ylabel="coverage@k, less nearest neighbour's",
        title=title,
        xscale="log",
        xticks=CUTOFFS,
        xticklabels=CUTOFFS,
    )
    low = axes.get_ylim()[0]
    axes.set_ylim(max(low, -0.12), None)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7, ncols=2)
    figure.tight_layout()
    figure.savefig(file, dpi=110)
    plt.close(figure)


def trade_off(
    results: Results, plain: list[Key], other: list[Key], way: str, title: str, file: Path
) -> None:
    """Mean coverage with redundancy against mean coverage without, a point a method."""
    plt = pyplot()
    figure, axes = plt.subplots(figsize=(7.5, 4.8))
    look = styles(results)
    for method in results.methods:
        x = results.mean(POOL, plain, method.name, way)
        y = results.mean(POOL, other, method.name, way)
        if x is None or y is None:
            continue
        marker = {"ours": "o", "nearest neighbour": "*"}.get(method.family, "s")
        axes.scatter(x, y, color=look[method.name]["color"], marker=marker, s=45, label=method.name)
    names = {key[1] for key in other}
    axes.set(
        xlabel="mean coverage, corpora as they are",
        ylabel=f"mean coverage, {' and '.join(sorted(names))}",
        title=title,
    )
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7, ncols=2)
    figure.tight_layout()
    figure.savefig(file, dpi=110)
    plt.close(figure)


def _curve(results: Results, keys: list[Key], method: str, way: str) -> Any:
    """`[len(CUTOFFS)]` mean over sets; None where the method was not run on all."""
    found = [results.measured.get((POOL, key, method, way)) for key in keys]
    curves = [[one.scores.coverage[k].mean() for k in CUTOFFS] for one in found if one is not None]
    return np.mean(curves, axis=0) if len(curves) == len(keys) else None
