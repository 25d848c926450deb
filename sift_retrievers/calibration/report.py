"""`Calibration`: what was chosen, why, and how the others did."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sift_retrievers.calibration.setting import Setting
from sift_retrievers.metrics import Comparison, Interval

SHOWN = 8  # settings in a printed report


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
    nearest: Interval
    """Coverage of the nearest neighbours, for comparison."""
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
        kept = " (the default; nothing was surely better)" if self.setting == self.default else ""
        lines = [
            f"{self.queries} queries; {kind}, mean over the first {cuts} passages",
            f"chosen: {_named(self.setting)}{kept}",
            "",
            f"{'setting':<64} {'coverage':>8}  {'over the default':>24}",
            f"{'nearest neighbours':<64} {self.nearest.mean:8.3f}",
        ]
        ranked = sorted(self.scores, key=lambda score: -score.coverage.mean)
        shown = ranked[:SHOWN]
        shown += [s for s in (self.score_of(self.default),) if s not in shown]
        for score in shown:
            change = score.over_default.difference
            mark = " ←" if score.setting == self.setting else ""
            lines.append(
                f"{_named(score.setting):<64} {score.coverage.mean:8.3f}  "
                f"{change.mean:+.3f} [{change.low:+.3f}, {change.high:+.3f}]{mark}"
            )
        return "\n".join(lines)

    def plot(self, file: str | Path) -> Path:
        """Draw all settings with their intervals into a file; the format goes by its name.

        Raises:
            ImportError: without matplotlib.
        """
        try:
            from matplotlib.figure import Figure
        except ImportError as error:
            raise ImportError(
                "the plot needs matplotlib: pip install 'sift-retrievers[calibrate]'"
            ) from error
        ranked = sorted(self.scores, key=lambda score: score.coverage.mean)
        figure = Figure(figsize=(9, 1.5 + 0.22 * len(ranked)), layout="constrained")
        axes = figure.add_subplot()
        for row, score in enumerate(ranked):
            interval = score.coverage
            color = "C3" if score.setting == self.setting else "C0"
            axes.plot([interval.low, interval.high], [row, row], color=color, linewidth=1)
            axes.plot(interval.mean, row, "o", color=color, markersize=4)
        axes.axvline(self.nearest.mean, color="0.5", linestyle="--", label="nearest neighbours")
        axes.axvline(
            self.score_of(self.default).coverage.mean, color="C0", linestyle=":", label="default"
        )
        axes.set_yticks(range(len(ranked)), [_named(s.setting) for s in ranked], fontsize=7)
        axes.set_xlabel("evidence coverage" if self.labelled else "expected coverage")
        axes.legend(loc="lower right", fontsize=8)
        figure.savefig(Path(file))
        return Path(file)


def _named(setting: Setting) -> str:
    kernel = repr(setting.kernel)
    for usual in (", positive_only=False", ", target_sharpness=None"):
        kernel = kernel.replace(usual, "")
    kernel = kernel.replace("(positive_only=False)", "()")
    return f"{kernel}, λ′ = {setting.lambda_:g}, {setting.objective}"
