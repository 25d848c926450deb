"""Measures of retrieved lists and of language models, and the statistics to compare methods."""

from sift_retrievers.metrics.alpha_ndcg import alpha_ndcg
from sift_retrievers.metrics.bits_per_byte import bits_per_byte
from sift_retrievers.metrics.coverage import (
    all_evidence_recall,
    coverage,
    coverage_curve,
    passages_needed,
    tokens_needed,
)
from sift_retrievers.metrics.judgements import Judgements
from sift_retrievers.metrics.redundancy import NEAR_DUPLICATE, Redundancy, redundancy
from sift_retrievers.metrics.roc_auc import roc_auc
from sift_retrievers.metrics.statistics import (
    Comparison,
    Interval,
    mean_interval,
    paired_comparison,
)

__all__ = [
    "NEAR_DUPLICATE",
    "Comparison",
    "Interval",
    "Judgements",
    "Redundancy",
    "all_evidence_recall",
    "alpha_ndcg",
    "bits_per_byte",
    "coverage",
    "coverage_curve",
    "mean_interval",
    "paired_comparison",
    "passages_needed",
    "redundancy",
    "roc_auc",
    "tokens_needed",
]
