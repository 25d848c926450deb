"""Intervals and p-values against SciPy."""

from __future__ import annotations

import numpy as np
import pytest

from sift_retrievers.metrics import mean_interval, paired_comparison

stats = pytest.importorskip("scipy.stats")


@pytest.mark.parametrize("n", [20, 300])
def test_the_interval_is_the_percentile_bootstrap(n: int) -> None:
    values = np.random.default_rng(1).beta(2, 5, size=n)
    expected = stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(2)
    )
    found = mean_interval(values, resamples=20_000)
    error = float(expected.standard_error)
    assert found.low == pytest.approx(expected.confidence_interval.low, abs=0.06 * error)
    assert found.high == pytest.approx(expected.confidence_interval.high, abs=0.06 * error)


@pytest.mark.parametrize("shift", [0.0, 0.2, 0.6, 1.5])
@pytest.mark.parametrize("decimals", [1, 15])
def test_the_p_value_is_that_of_the_paired_permutation_test(shift: float, decimals: int) -> None:
    """All sign patterns, so the two agree exactly; one decimal makes ties and equal sums."""
    random = np.random.default_rng(3)
    a, b = random.normal(shift, 1, 10).round(decimals), random.normal(0, 1, 10).round(decimals)
    expected = stats.permutation_test(
        (a, b),
        lambda x, y, axis: np.mean(x - y, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=np.inf,
    )
    assert paired_comparison(a, b).p_value == pytest.approx(expected.pvalue, abs=1e-12)


def test_the_p_value_of_many_queries() -> None:
    random = np.random.default_rng(4)
    a, b = random.normal(0.12, 1, 300), random.normal(0, 1, 300)
    expected = stats.permutation_test(
        (a, b),
        lambda x, y, axis: np.mean(x - y, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=20_000,
        batch=2000,
        rng=np.random.default_rng(5),
    )
    assert paired_comparison(a, b).p_value == pytest.approx(expected.pvalue, abs=0.02)
