"""Evidence coverage of retrieved lists, and the statistics to compare methods by it."""

from sift_retrievers.metrics.coverage import coverage_curve
from sift_retrievers.metrics.judgements import Judgements
from sift_retrievers.metrics.statistics import (
    Comparison,
    Interval,
    mean_interval,
    paired_comparison,
)

__all__ = [
    "Comparison",
    "Interval",
    "Judgements",
    "coverage_curve",
    "mean_interval",
    "paired_comparison",
]
