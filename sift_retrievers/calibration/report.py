"""`Calibration`: what was chosen, why, and how the others did."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sift_retrievers.calibration.setting import NEAREST, Setting
from sift_retrievers.metrics import Comparison, Interval

SHOWN = 30  # settings in a printed report


@dataclass(frozen=True)
class Score:
    """How one setting did."""

    setting: Setting
    coverage: Interval
    """Mean coverage over queries and cutoffs."""
    over_default: Comparison
    """Its coverage minus the default's, on the same queries."""


@dataclass(frozen=True)
class Calibration:
    """The setting that suits a corpus. `print(calibration)` shows the report."""

    setting: Setting
    """The choice; the default where nothing is surely better."""
    default: Setting
    scores: tuple[Score, ...]
    """Of all settings that were tried."""
    labelled: bool
    """Whether passages were judged; else the coverage is an expected one."""
    queries: int
    cutoffs: tuple[int, ...]

    @property
    def arguments(self) -> dict[str, Any]:
        """For a retriever: `SIFTRetriever(vectorstore, **calibration.arguments)`."""
        return self.setting.arguments

    def score_of(self, setting: Setting) -> Score:
        """The score of a setting that was tried.

        Raises:
            KeyError: for one that was not.
        """
        for score in self.scores:
            if score.setting == setting:
                return score
        raise KeyError(setting)

    def __str__(self) -> str:
        kind = "coverage of the judged evidence" if self.labelled else "expected coverage"
        cuts = ", ".join(map(str, self.cutoffs))
        lines = [
            f"{self.queries} queries; {kind}, mean over the first {cuts} passages",
            f"chosen: {self.setting.name}{self._why}",
            "",
            f"{'setting':<28} {'coverage':>8}  minus the default's, "
            f"{self.scores[0].coverage.confidence:.0%} interval",
        ]
        for score in self._ranked[:SHOWN]:
            change = score.over_default.difference
            mark = " ←" if score.setting == self.setting else ""
            lines.append(
                f"{score.setting.name:<28} {score.coverage.mean:8.3f}  "
                f"{change.mean:+.3f} [{change.low:+.3f}, {change.high:+.3f}]{mark}"
            )
        return "\n".join(lines)

    @property
    def _why(self) -> str:
        if self.setting == NEAREST:
            return ": stay with it"
        return " (nothing was surely better)" if self.setting == self.default else ""

    @property
    def _ranked(self) -> list[Score]:
        """The best first."""
        return sorted(self.scores, key=lambda score: -score.coverage.mean)

    def plot(self, file: str | Path) -> Path:
        """Draw what each setting gains over the default into a file, with its interval.

        What is drawn is what decided: a setting is taken if it is the best and its interval lies
        above 0.

        Raises:
            ImportError: without matplotlib.
        """
        try:
            from matplotlib.figure import Figure
        except ImportError as error:
            raise ImportError(
                "the plot needs matplotlib: pip install 'sift-retrievers[calibrate]'"
            ) from error
        ranked = self._ranked[::-1]
        figure = Figure(figsize=(8, 1.2 + 0.28 * len(ranked)), layout="constrained")
        axes = figure.add_subplot()
        for row, score in enumerate(ranked):
            change = score.over_default.difference
            color = "C3" if score.setting == self.setting else "C0"
            axes.plot([change.low, change.high], [row, row], color=color, linewidth=1.5)
            axes.plot(change.mean, row, "o", color=color, markersize=5)
        axes.axvline(0.0, color="0.4", linestyle=":")
        axes.set_yticks(range(len(ranked)), [score.setting.name for score in ranked], fontsize=8)
        kind = "evidence coverage" if self.labelled else "expected coverage"
        axes.set_xlabel(f"{kind} minus the default's; red: chosen")
        axes.set_title(f"{self.queries} queries; chosen: {self.setting.name}", fontsize=10)
        figure.savefig(Path(file))
        return Path(file)
