"""`Calibration`: which configuration was chosen, and how all of them scored."""

from __future__ import annotations

from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sift_retrievers.calibration.configuration import NEAREST, Configuration
from sift_retrievers.metrics import Comparison, Interval
from sift_retrievers.report.notebook import table_html
from sift_retrievers.report.printed import literal

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_ROWS = 30  # configurations in a printed report
MOST_DRAWN = 6  # configurations in a plot
LONGEST_NAME = 48  # characters of a configuration's name in a printed report


@dataclass(frozen=True)
class ConfigurationScore:
    """How one configuration scored."""

    configuration: Configuration
    coverage: Interval
    """Mean coverage over queries and cutoffs."""
    over_default: Comparison
    """Its coverage minus the default's, on the same queries."""


@dataclass(frozen=True)
class Calibration:
    """The configuration that suits a corpus. `print(calibration)` shows the report."""

    chosen: Configuration
    """The default, if none is better with enough confidence."""
    default: Configuration
    scores: tuple[ConfigurationScore, ...]
    """Of all configurations that were tried."""
    labelled: bool
    """Whether gold passages were given; otherwise the coverage is an expected one."""
    queries: int
    """How many there were."""
    cutoffs: tuple[int, ...]
    """The numbers of passages that the coverage is averaged over."""
    gold_found: tuple[int, int] | None = None
    """How many gold passages are among the candidates, and how many there are."""

    @property
    def arguments(self) -> dict[str, Any]:
        """For a retriever: `SIFTRetriever(vectorstore, **calibration.arguments)`."""
        return self.chosen.arguments

    def score_of(self, configuration: Configuration) -> ConfigurationScore:
        """The score of a configuration that was tried.

        Raises:
            KeyError: for a configuration that was not tried.
        """
        for score in self.scores:
            if score.configuration == configuration:
                return score
        raise KeyError(configuration)

    def __str__(self) -> str:
        shown = self._best_first[:MOST_ROWS]
        names = [_shortened(score.configuration.name) for score in shown]
        width = max(28, *map(len, names))
        lines = [
            *self._summary,
            "",
            f"{'configuration':<{width}} {'coverage':>8}  minus the default's, "
            f"{shown[0].coverage.confidence:.0%} interval",
        ]
        for name, score in zip(names, shown, strict=True):
            change = score.over_default.difference
            mark = " ←" if score.configuration == self.chosen else ""
            lines.append(
                f"{name:<{width}} {score.coverage.mean:8.3f}  "
                f"{change.mean:+.3f} [{change.low:+.3f}, {change.high:+.3f}]{mark}"
            )
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """For notebooks: a table and, if matplotlib is installed, the plot."""
        shown = self._best_first[:MOST_ROWS]
        rows = []
        for score in shown:
            change = score.over_default.difference
            interval = f"[{change.low:+.3f}, {change.high:+.3f}]"
            mean = f"{score.coverage.mean:.3f}"
            name = _shortened(score.configuration.name)
            rows.append((name, mean, f"{change.mean:+.3f}", interval))
        at = [n for n, score in enumerate(shown) if score.configuration == self.chosen]
        interval = f"{shown[0].coverage.confidence:.0%} interval" if shown else "interval"
        report = table_html(
            "; ".join(self._summary),
            ("configuration", "coverage", "minus the default’s", interval),
            rows,
            bold=at[0] if at else None,
        )
        try:
            figure = self.plot()
        except ImportError:
            return report
        svg = StringIO()
        figure.savefig(svg, format="svg")
        return report + svg.getvalue()[svg.getvalue().index("<svg") :]

    @property
    def _summary(self) -> list[str]:
        kind = "coverage of the gold passages" if self.labelled else "expected coverage"
        cutoffs = ", ".join(map(str, self.cutoffs))
        return [
            f"{self.queries} queries; {kind}, mean over the first {cutoffs} passages",
            *([] if self.gold_found is None else [self._gold]),
            f"chosen: {self.chosen.name}{self._reason}",
        ]

    @property
    def _gold(self) -> str:
        found, total = self.gold_found or (0, 0)
        return f"{found} of {total} gold passages are among the candidates"

    @property
    def _reason(self) -> str:
        if self.chosen == NEAREST:
            return ": stay with it"
        return " (no other is better with confidence)" if self.chosen == self.default else ""

    @property
    def _best_first(self) -> list[ConfigurationScore]:
        return sorted(self.scores, key=lambda score: -score.coverage.mean)

    @property
    def _drawn(self) -> list[ConfigurationScore]:
        """At most six: those that must be seen, and the best of the others; the best first."""
        known = (self.chosen, self.default, NEAREST)
        best = self._best_first
        others = [score for score in best if score.configuration not in known]
        room = MOST_DRAWN - (len(best) - len(others))
        drawn = [score.configuration for score in others[:room]]
        return [score for score in best if score.configuration in (*known, *drawn)]

    def _colour(self, configuration: Configuration) -> str:
        if configuration == self.chosen:
            return "#1667c5"
        return "black" if configuration == self.default else "#8a94a0"

    def plot(self, file: str | Path | None = None) -> Figure:
        """Draw how much better than the default configurations are, with their intervals.

        At most six are drawn: the chosen one, the default, similarity search, and the best others.
        This is what the choice rests on: a configuration is chosen if it has the highest mean and
        its interval lies above 0.

        Args:
            file: where to save the plot, in the format of its ending; None: it is not saved.

        Returns:
            The matplotlib figure. A notebook that ends a cell with the `Calibration` itself shows
            the plot, too.

        Raises:
            ImportError: without matplotlib.
        """
        try:
            from matplotlib.figure import Figure
        except ImportError as error:
            raise ImportError(
                "the plot needs matplotlib: pip install 'sift-retrievers[calibrate]'"
            ) from error
        rows = self._drawn[::-1]
        figure = Figure(figsize=(8, 1.4 + 0.36 * len(rows)), layout="constrained")
        axes = figure.add_subplot()
        for row, score in enumerate(rows):
            change = score.over_default.difference
            color = self._colour(score.configuration)
            axes.plot([change.low, change.high], [row, row], color=color, linewidth=1.5)
            axes.plot(change.mean, row, "o", color=color, markersize=5)
        axes.axvline(0.0, color="0.4", linestyle=":")
        names = [literal(_shortened(score.configuration.name)) for score in rows]
        axes.set_yticks(range(len(rows)), names, fontsize=9)
        axes.set_ylim(-0.6, len(rows) - 0.4)
        axes.grid(axis="x", alpha=0.25)
        kind = "evidence coverage" if self.labelled else "expected coverage"
        axes.set_xlabel(f"{kind} minus the default's; blue: chosen, black: default")
        left_out = len(self.scores) - len(rows)
        more = f"; {left_out} more were tried" if left_out else ""
        chosen = literal(_shortened(self.chosen.name))
        axes.set_title(f"{self.queries} queries; chosen: {chosen}{more}", fontsize=10)
        if file is not None:
            figure.savefig(Path(file))
        return figure


def _shortened(name: str) -> str:
    """The name on one line, with at most `LONGEST_NAME` characters."""
    line = " ".join(name.split())
    return line if len(line) <= LONGEST_NAME else f"{line[: LONGEST_NAME - 1]}…"
