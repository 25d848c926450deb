"""The measures against scikit-learn and SciPy, where those have the same one."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import ndcg_score, roc_auc_score
from sklearn.metrics.pairwise import cosine_similarity

from sift_retrievers.metrics import (
    Judgements,
    alpha_ndcg,
    mean_interval,
    paired_comparison,
    redundancy,
    roc_auc,
)


@pytest.mark.parametrize("seed", range(20))
def test_with_one_facet_and_alpha_0_it_is_ndcg(seed: int) -> None:
    random = np.random.default_rng(seed)
    n, k = int(random.integers(2, 30)), int(random.integers(1, 35))
    relevant = random.random(n) < 0.3
    relevant[random.integers(n)] = True
    scores = random.permutation(n)
    ranking = np.argsort(-scores).tolist()
    judgements = Judgements({int(i): ["answer"] for i in np.flatnonzero(relevant)})
    expected = ndcg_score([relevant.astype(int)], [scores], k=k)
    assert alpha_ndcg(ranking, judgements, k, alpha=0) == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(20))
def test_roc_auc_with_ties(seed: int) -> None:
    random = np.random.default_rng(seed)
    labels = random.integers(0, 2, size=50)
    labels[:2] = 0, 1
    scores = random.normal(size=50).round(int(random.integers(0, 4)))
    assert roc_auc(labels, scores) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)


def test_redundancy_is_made_of_cosines() -> None:
    vectors = np.random.default_rng(0).normal(size=(12, 5))
    pairs = cosine_similarity(vectors)[np.triu_indices(12, 1)]
    found = redundancy(vectors)
    assert found.mean_cosine == pytest.approx(pairs.mean())
    assert found.max_cosine == pytest.approx(pairs.max())


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
