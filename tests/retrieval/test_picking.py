"""What is picked from candidates is what `select` picks; what the numbers of the picks say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from uncertainty import uncertainty_along

from sift_retrievers import StopReason, select
from sift_retrievers.kernels.names import resolve_kernel
from sift_retrievers.retrieval import Hits, SelectionRules, Target
from sift_retrievers.retrieval.candidates import Candidates, candidates_of
from sift_retrievers.retrieval.cosines import cosines
from sift_retrievers.retrieval.novelty import shares_left, variances_left
from sift_retrievers.retrieval.picked import Picked
from sift_retrievers.retrieval.picking import pick
from sift_retrievers.witnesses import Witnesses


def random_pool(seed: int = 0) -> tuple[Any, Any]:
    random = np.random.default_rng(seed)
    pool = random.normal(size=(30, 6)).astype(np.float32)
    pool[15:] = pool[:15] + random.normal(size=(15, 6)).astype(np.float32) * 0.05
    return random.normal(size=(3, 6)).astype(np.float32), pool


def chosen(
    targets: Any, pool: Any, k: int, *, scores: Any = None, parents: Any = None, **rules: Any
) -> tuple[Picked, Candidates[str]]:
    """What is picked from hits without texts."""
    n = len(pool)
    metadata = [{"parent": parent} for parent in parents or [None] * n]
    hits = Hits(pool, [None] * n, [""] * n, metadata, str)
    made = SelectionRules(**{"kernel": "cosine"} | rules)
    if parents is not None:
        made = replace(made, distinct_by="parent")
    found = candidates_of("", [*map(Target, targets)], hits, made, scores)
    return pick(found, k), found


def test_choose_is_select_among_those_similar_enough() -> None:
    targets, pool = random_pool()
    choice, found = chosen(targets[:1], pool, 5, score_threshold=0.1, lambda_=0.2)
    enough = np.flatnonzero(cosines(pool, targets[:1])[0] >= 0.1)
    picks = select(targets[0], pool[enough], 5, lambda_=0.2)
    assert choice.positions.tolist() == enough[picks.indices].tolist()
    assert found.allowed.sum() == len(enough) < 30
    np.testing.assert_array_equal(choice.gains, picks.gains.astype(np.float64))
    assert picks.variance is not None
    assert choice.uncertainty is not None
    np.testing.assert_array_equal(choice.uncertainty, picks.variance.astype(np.float64))
    shares = -np.expm1(-2 * picks.gains.astype(np.float64))
    np.testing.assert_allclose(choice.scores, np.minimum.accumulate(shares), rtol=1e-9)


def test_of_several_targets_the_nearest_decides_who_is_a_candidate() -> None:
    targets, pool = random_pool()
    _, found = chosen(targets, pool, 30, score_threshold=0.5)
    assert found.allowed.tolist() == (cosines(pool, targets).max(axis=0) >= 0.5).tolist()


@pytest.mark.parametrize("seed", range(20))
def test_relevance_by_vectors_is_the_rule_of_version_0_1(seed: int) -> None:
    targets, pool = random_pool(seed)
    by_name, _ = chosen(targets[:1], pool, 12, kernel=None, relevance="vectors")
    old = select(targets[0], pool, 12, kernel="relevance", objective="undirected", lambda_=0.2)
    assert by_name.positions.tolist() == old.indices.tolist()
    assert by_name.selection is not None
    np.testing.assert_allclose(by_name.selection.gains, old.gains, rtol=1e-4)


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("scores", [None, np.linspace(0, 1, 30)])
def test_undirected_numbers_are_shares_of_the_chance(count: int, scores: Any) -> None:
    """The score is p r² ν, the gain ½ log(1 + score / λ′), what is left ∏ (1 − score)."""
    targets, pool = random_pool()
    rules: dict[str, Any] = {"kernel": "relevance", "lambda_": 0.2, "score_threshold": 0.1}
    if scores is not None:
        rules["relevance"] = Witnesses(words=0, scorer=len)  # type: ignore[arg-type]
    choice, heard = chosen(targets[:count], pool, 6, scores=scores, **rules)
    enough = np.flatnonzero(heard.allowed)
    assert 6 < len(enough) < 30
    given = cosines(pool, targets[:count]).max(axis=0) if scores is None else heard.relevance.total
    selection = select(
        targets[:count][None],
        pool[enough],
        6,
        kernel="relevance",
        lambda_=0.2,
        objective="undirected",
        relevance=given[enough],
    )
    assert choice.positions.tolist() == enough[selection.indices[0]].tolist()
    variance = 0.2 * np.expm1(2 * selection.gains[0].astype(np.float64))
    np.testing.assert_allclose(choice.scores, heard.relevance.chance * variance, rtol=1e-6)
    np.testing.assert_allclose(choice.gains, 0.5 * np.log1p(choice.scores / 0.2), rtol=1e-6)
    left = np.cumprod(1 - heard.relevance.chance * variance)
    assert choice.uncertainty is not None
    np.testing.assert_allclose(choice.uncertainty, [1, *left], rtol=1e-6)


@pytest.mark.parametrize("kernel", ["cosine", "linear", "exponential", "relevance", "shared_noise"])
@pytest.mark.parametrize("objective", ["variance", "entropy", "undirected"])
def test_novelty_is_the_share_of_the_variance_that_is_left(kernel: str, objective: str) -> None:
    targets, pool = random_pool()
    choice, heard = chosen(targets[:1], pool, 8, kernel=kernel, objective=objective, lambda_=0.3)
    resolved = resolve_kernel(kernel)
    weights = np.ones(30)
    if resolved.weighting is not None:
        weights = resolved.weighting.weights(heard.cosines[None])[0]
    base = resolved.unweighted
    x = base.features(pool.astype(np.float64)[None])
    gram = base(x, x)[0] * np.outer(weights, weights)
    for n, i in enumerate(choice.positions):
        s = choice.positions[:n]
        known = gram[i, s] @ np.linalg.solve(gram[np.ix_(s, s)] + 0.3 * np.eye(n), gram[s, i])
        assert choice.novelty[n] == pytest.approx(1 - known / gram[i, i], abs=1e-9)
    assert choice.novelty[0] == pytest.approx(1)


@pytest.mark.parametrize("noise", [1e-12, 1e-8, 0.01, 1.0, 900.0, 1e5])
@pytest.mark.parametrize("size", [1e-8, 1.0, 1e8])
def test_what_is_left_is_that_of_the_recursion(noise: float, size: float) -> None:
    generator = np.random.default_rng(0)
    for n in (0, 1, 2, 20):
        vectors = generator.standard_normal((n, 8))
        vectors[n // 2 :] = vectors[: n - n // 2]  # some are copies
        gram = vectors @ vectors.T
        found = shares_left(size * gram, size * noise)
        left = variances_left(gram, noise) / gram.diagonal()
        np.testing.assert_allclose(found, left, atol=1e-6 if noise < 1e-7 else 1e-9)
    nothing = shares_left(np.zeros((2, 2)), noise)
    assert nothing.tolist() == [0, 0]


@pytest.mark.parametrize("lambda_", [1e-20, 1e-6, 1e6])
@pytest.mark.parametrize("kernel", ["cosine", "relevance", "linear"])
def test_novelty_of_copies_at_any_noise(kernel: str, lambda_: float) -> None:
    """Their covariance matrix has no Cholesky factor where rounding swallows the noise."""
    targets, pool = random_pool()
    copies = np.repeat(pool[:3], 4, axis=0)
    choice, _ = chosen(targets[:1], copies, 12, kernel=kernel, lambda_=lambda_)
    assert len(choice.novelty) == 12
    assert ((choice.novelty >= 0) & (choice.novelty <= 1)).all()
    if lambda_ < 1:
        assert (np.sort(choice.novelty)[:9] < 1e-5).all()


def test_undirected_picks_of_which_there_are_none() -> None:
    targets, pool = random_pool()
    choice, _ = chosen(targets[:1], pool, 5, min_gain=100.0, kernel="relevance")
    assert len(choice.positions) == 0
    assert choice.stop_reason == StopReason.MIN_GAIN
    assert choice.uncertainty is not None
    assert choice.uncertainty.tolist() == [1]


def test_min_gain_is_compared_with_the_gain_that_is_reported() -> None:
    for seed in range(20):
        targets, pool = random_pool(seed)
        whole, _ = chosen(targets[:1], pool, 12, kernel="relevance")
        for limit in whole.gains[[0, 3, 8]]:
            for exact in (limit * (1 - 1e-5), limit * (1 + 1e-5)):
                cut, _ = chosen(targets[:1], pool, 12, kernel="relevance", min_gain=exact)
                assert cut.positions.tolist() == whole.positions[whole.gains >= exact].tolist()


@pytest.mark.parametrize("count", [1, 3])
def test_alpha_cuts_the_picks(count: int) -> None:
    targets, pool = random_pool()
    for rules in ({"kernel": "cosine", "lambda_": 0.2}, {"kernel": "relevance"}):
        whole, _ = chosen(targets[:count], pool, 12, **rules)  # type: ignore[arg-type]
        left = uncertainty_along(
            targets[:count][None],
            pool,
            whole.positions.tolist(),
            lambda_=0.2,
            kernel=rules["kernel"],
        )
        sigma = np.sqrt(left[1:] / count)
        alpha = 1.0 / (3.5 * sigma[3])
        kept = int((sigma > 1 / (alpha * np.arange(1, 13))).argmax())
        assert 1 < kept < 12
        short, _ = chosen(targets[:count], pool, 12, alpha=alpha, **rules)  # type: ignore[arg-type]
        assert short.positions.tolist() == whole.positions[:kept].tolist()
        assert short.stop_reason == "alpha"


def test_costs_follow_the_candidates() -> None:
    targets, pool = random_pool()
    costs = np.arange(1.0, 31.0)
    hits = Hits(pool, [None] * 30, ["x" * i for i in range(1, 31)], [{}] * 30, str)
    rules = SelectionRules(
        kernel="relevance",
        relevance="vectors",
        score_threshold=0.0,
        max_tokens=60,
        token_counter=len,
    )
    cosine = cosines(pool, targets[:1])
    choice = pick(candidates_of("", [Target(targets[0])], hits, rules), 9)
    enough = np.flatnonzero(cosine[0] >= 0)
    picks = select(
        targets[0],
        pool[enough],
        9,
        kernel="relevance",
        objective="undirected",
        lambda_=0.2,
        costs=costs[enough],
        budget=60.0,
    )
    assert choice.positions.tolist() == enough[picks.indices[picks.indices >= 0]].tolist()
    assert choice.stop_reason == StopReason.BUDGET


def test_several_targets_and_parents() -> None:
    targets, pool = random_pool()
    parents = [None if i % 4 == 0 else i % 4 for i in range(30)]
    choice, _ = chosen(targets, pool, 30, parents=parents, lambda_=0.2)
    found = [parents[i] for i in choice.positions]
    assert [found.count(p) for p in (None, 1, 2, 3)] == [8, 1, 1, 1]
    assert choice.stop_reason == StopReason.EXHAUSTED
    assert choice.uncertainty is not None
    assert choice.uncertainty[0] == pytest.approx(3)  # summed over the targets


def test_a_threshold_that_nothing_reaches() -> None:
    targets, pool = random_pool()
    for some in (pool, pool[:0]):
        choice, _ = chosen(targets[:1], some, 5, score_threshold=1.0)
        assert len(choice.positions) == len(choice.gains) == len(choice.novelty) == 0
        assert len(choice.scores) == 0
        assert choice.uncertainty is None
        assert choice.stop_reason == StopReason.EXHAUSTED
