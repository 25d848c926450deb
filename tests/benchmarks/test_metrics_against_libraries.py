"""The benchmarks' metrics against those of scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import ndcg_score, roc_auc_score
from sklearn.metrics.pairwise import cosine_similarity

from benchmarks.metrics.alpha_ndcg import alpha_ndcg
from benchmarks.metrics.redundancy import redundancy
from benchmarks.metrics.roc_auc import roc_auc
from sift_retrievers.metrics import Judgements


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
