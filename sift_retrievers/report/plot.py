"""A plot of one selection: where the picks lie among the candidates, and what each added."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sift_retrievers.report.printed import literal, visible

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def selection_plot(explanation: Mapping[str, Any], file: str | Path | None) -> Figure:
    """Two panels: relevance against cosine of all passages, and gain and novelty of the picks.

    Args:
        explanation: what `Explanation.to_dict()` gives.
        file: where to save the plot, in the format of its ending; None: it is not saved.

    Raises:
        ImportError: without matplotlib.
    """
    try:
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator
    except ImportError as error:
        raise ImportError(
            "the plot needs matplotlib: pip install 'sift-retrievers[report]'"
        ) from error
    picks = [passage for passage in explanation["passages"] if passage["rank"] is not None]
    others = [passage for passage in explanation["passages"] if passage["rank"] is None]
    shown = picks[:20]
    figure = Figure(figsize=(10, max(3.6, 1.6 + 0.3 * len(shown))), layout="constrained")
    where, worth = figure.subplots(1, 2, width_ratios=(3, 2))
    for group, colour, label, size in (
        (others, "#9aa5b1", "not picked", 18),
        (picks, "#1667c5", "picked, by rank", 60),
    ):
        where.scatter(
            [passage["similarity"] for passage in group],
            [passage["relevance"] for passage in group],
            s=size,
            color=colour,
            label=label,
            zorder=2,
        )
    for passage in shown:
        where.annotate(
            str(passage["rank"] + 1),
            (passage["similarity"], passage["relevance"]),
            xytext=(6, 3),
            textcoords="offset points",
            fontsize=9,
        )
    where.set(
        xlabel="cosine to the question",
        ylabel="relevance, standard deviations",
        title="All candidates",
    )
    where.legend(fontsize=8, loc="upper left")
    where.grid(alpha=0.25)
    rows = range(len(shown))
    worth.barh(rows, [passage["information_gain"] for passage in shown], color="#1667c5")
    for row, passage in zip(rows, shown, strict=True):
        worth.annotate(
            f"{passage['novelty']:.0%} new",
            (passage["information_gain"], row),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
        )
    worth.set_yticks(rows, [_name(passage) for passage in shown], fontsize=8)
    worth.invert_yaxis()
    most = max((passage["information_gain"] for passage in shown), default=0.0)
    worth.set_xlim(0.0, 1.4 * most or 1.0)  # room for the text beside the bars
    worth.xaxis.set_major_locator(MaxNLocator(5))
    worth.set(xlabel="information gain, nats", title="What each pick added")
    figure.suptitle(literal(visible(explanation["query"], 90)), fontsize=11)
    if file is not None:
        figure.savefig(Path(file), dpi=150)
    return figure


def _name(passage: Mapping[str, Any]) -> str:
    return literal(f"{passage['rank'] + 1}. {visible(passage['text'], 28)}")
