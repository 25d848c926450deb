"""`cover` picks as its definition says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from coverage_problems import coverage_from, random_problem, solved
from oracle import OracleCoverage

from sift_retrievers import Coverage, StopReason
from sift_retrievers.coverage import cover, novelty_after


@pytest.mark.parametrize("block", range(6))
def test_three_hundred_problems_by_brute_force(block: int) -> None:
    worst = 0.0
    for seed in range(50 * block, 50 * (block + 1)):
        oracle, k, given, _, found = solved(seed)
        picks = found.indices.tolist()
        assert len(picks) == len(set(picks)) <= k, seed
        for n, pick in enumerate(picks):
            may = oracle.may_be_picked(picks[:n])
            assert pick in may, seed
            best = max(oracle.variance(i, picks[:n]) for i in may)
            worst = max(worst, best - oracle.variance(pick, picks[:n]))
            assert found.gains[n] == pytest.approx(oracle.gain(pick, picks[:n]), rel=1e-9), seed
            assert found.novelty[n] == pytest.approx(oracle.novelty(pick, picks[:n]), rel=1e-9)
            assert found.variance[n] == pytest.approx(oracle.variance(pick, picks[:n]), rel=1e-9)
        assert (np.diff(found.gains) <= 1e-12).all(), seed
        assert ((found.novelty >= 0) & (found.novelty <= 1)).all()
        assert ((found.variance >= 0) & (found.variance <= 1)).all()
        if len(picks) == k:
            assert found.stop_reason == StopReason.K
            continue
        assert oracle.may_be_picked(picks) == [], seed
        assert found.stop_reason in (
            StopReason.EXHAUSTED,
            StopReason.BUDGET if "costs" in given else None,
            StopReason.MIN_NOVELTY if "min_novelty" in given else None,
        )
    assert worst <= 1e-12, f"the largest regret is {worst:.2e}"


def eager(oracle: OracleCoverage, k: int) -> list[int]:
    """The picks of plain greedy selection; the first of nearly equal candidates is picked."""
    picks: list[int] = []
    while len(picks) < k and (may := oracle.may_be_picked(picks)):
        value = {i: oracle.variance(i, picks) for i in may}
        best = max(value.values())
        picks.append(next(i for i in may if value[i] >= best * (1 - 1e-12)))
    return picks


def test_lazy_is_eager() -> None:
    """Lazy and plain greedy selection make the same picks, or picks that tie up to rounding."""
    same = 0
    for seed in range(300):
        oracle, k, _, _, found = solved(seed)
        picks = eager(oracle, k)
        same += picks == found.indices.tolist()
        if "min_novelty" not in random_problem(seed)[2]:
            assert len(picks) == len(found.indices), seed
    assert same >= 270


def test_equal_passages_go_by_position() -> None:
    bags = [[(1, 1.0), (2, 1.0)], [(3, 1.0), (4, 1.0)], [(1, 1.0), (2, 1.0)], []]
    found = cover(coverage_from(bags), np.zeros(4), 4)
    assert found.indices.tolist() == [0, 1, 2, 3]
    np.testing.assert_allclose(found.novelty, [1, 1, 0.1 / 1.1, 0])


def test_a_passage_without_units_gains_nothing_and_comes_last() -> None:
    found = cover(coverage_from([[], [(1, 0.0)], []]), np.array([3.0, 0.0, 1.0]), 3)
    assert found.indices.tolist() == [1, 0, 2]
    assert found.variance.tolist()[1:] == [0, 0]
    assert found.gains.tolist()[1:] == [0, 0]


def test_novelty_by_hand() -> None:
    """A unit that occurs twice in a passage counts once in m."""
    bags = [[(1, 1.0), (1, 1.0), (2, 2.0)], [(1, 3.0), (5, 1.0)], [(1, 1.0)], [(9, 1.0)]]
    left = novelty_after(coverage_from(bags), [0, 1], 0.5)
    once, twice = 0.5 / 1.5, 0.5 / 2.5
    np.testing.assert_allclose(
        left, [(2 * twice + 2 * once) / 4, (3 * twice + once) / 4, twice, 1.0]
    )
    assert novelty_after(coverage_from(bags), [], 0.5).tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize("lambda_", [1e-3, 0.1, 1e3])
def test_the_level_scales_the_gains_and_changes_no_pick(lambda_: float) -> None:
    for seed in range(30):
        oracle, k, _, _, _ = solved(seed)
        plain, low = (
            cover(
                coverage_from(oracle.bags, gamma=oracle.gamma, level=level),
                oracle.relevance,
                k,
                lambda_=lambda_,
            )
            for level in (1.0, 0.125)  # a power of two: no rounding
        )
        assert plain.indices.tolist() == low.indices.tolist()
        np.testing.assert_allclose(low.variance, 0.125 * plain.variance, rtol=1e-12)
        np.testing.assert_allclose(low.gains, 0.5 * np.log1p(low.variance / lambda_), rtol=1e-12)


def test_without_any_chance_of_evidence_all_gains_are_zero() -> None:
    found = cover(coverage_from([[(1, 1.0)], [(2, 1.0)]], level=0.0), [1.0, 0.0], 2)
    assert found.gains.tolist() == [0, 0]


def test_much_noise_picks_the_most_relevant_and_little_the_new() -> None:
    bags = [[(1, 1.0)], [(1, 1.0)], [(2, 1.0)]]
    relevance = [1.0, 0.9, -1.0]
    for lambda_, picks in [(1e3, [0, 1, 2]), (1e-3, [0, 2, 1])]:
        found = cover(coverage_from(bags), relevance, 3, lambda_=lambda_)
        assert found.indices.tolist() == picks


def test_min_gain_ends_before_the_first_that_gains_less() -> None:
    for seed in range(100):
        oracle, k, given, coverage, whole = solved(seed)
        if len(whole.gains) < 2:
            continue
        limit = float(whole.gains[len(whole.gains) // 2]) * (1 + 1e-9)
        found = cover(coverage, oracle.relevance, k, min_gain=limit, **given)
        below = whole.gains < limit
        kept = int(below.argmax()) if below.any() else len(whole.gains)  # where v is 0 for all
        assert found.indices.tolist() == whole.indices[:kept].tolist()
        assert found.stop_reason == StopReason.MIN_GAIN or kept == len(whole.gains)


def test_copies_are_passed_over_and_the_reason_says_so() -> None:
    bags = [[(1, 1.0)], [(1, 1.0)], [(1, 1.0), (2, 1.0)], [(3, 1.0)]]
    found = cover(coverage_from(bags), np.zeros(4), 4, min_novelty=0.3)
    assert found.indices.tolist() == [0, 3, 2]
    assert found.stop_reason == StopReason.MIN_NOVELTY
    assert cover(coverage_from(bags), np.zeros(4), 3, min_novelty=0.3).stop_reason == StopReason.K


def test_a_budget_is_spent_to_the_last_cent() -> None:
    bags = [[(i, 1.0)] for i in range(12)]
    found = cover(coverage_from(bags), np.zeros(12), 12, costs=[0.1] * 12, budget=1.0)
    assert len(found.indices) == 10
    assert found.stop_reason == StopReason.BUDGET
    dear = [5.0, 1.0, *[9.0] * 10]
    assert cover(coverage_from(bags), np.zeros(12), 3, costs=dear, budget=3.0).indices.tolist() == [
        1
    ]


@pytest.mark.parametrize(
    ("limits", "reason"),
    [({}, "exhausted"), ({"allowed": np.zeros(2, dtype=np.bool_)}, "exhausted")],
)
def test_nothing_can_be_picked(limits: Any, reason: str) -> None:
    count = len(limits.get("allowed", ()))
    found = cover(coverage_from([[(1, 1.0)]] * count), np.zeros(count), 3, **limits)
    assert len(found.indices) == len(found.gains) == len(found.novelty) == 0
    assert found.stop_reason == reason


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"gamma": -0.1}, "gamma must be finite and at least 0; got -0.1"),
        ({"gamma": np.nan}, "gamma must be finite"),
        ({"gamma": np.inf}, "gamma must be finite"),
        ({"gamma": "0.3"}, "gamma must be finite and at least 0; got '0.3'"),
        ({"level": 1.1}, "level must be a chance, 0 to 1; got 1.1"),
        ({"level": np.nan}, "level must be"),
        ({"level": None}, "level must be a chance, 0 to 1; got None"),
        ({"lengths": [2, 2]}, "with 3 units in all; they sum to 4"),
        ({"lengths": [4, -1]}, "with 3 units in all"),
        ({"lengths": [1.0, 2.0]}, r"lengths must be whole numbers .* shape \(2,\) of float64"),
        ({"lengths": [[1, 2]]}, r"lengths must be whole numbers in one row; got shape \(1, 2\)"),
        ({"units": ["a", "b", "c"]}, "units must be whole numbers"),
        ({"units": [1.5, 2, 3]}, "units must be whole numbers"),
        ({"units": [[1], [2], [3]]}, r"units must be whole numbers in one row; got shape \(3, 1\)"),
        ({"weights": [1.0, 2.0]}, r"one finite number of at least 0 a unit; got \(2,\) for 3"),
        ({"weights": [1.0, 2.0, -1.0]}, "one finite number of at least 0 a unit"),
        ({"weights": [1.0, 2.0, np.nan]}, "one finite number of at least 0 a unit"),
        ({"weights": [[1.0, 2.0, 3.0]]}, r"got \(1, 3\) for 3 units"),
    ],
)
def test_a_coverage_that_is_wrong(given: dict[str, Any], message: str) -> None:
    right: dict[str, Any] = {"units": [1, 2, 3], "lengths": [1, 2]}
    with pytest.raises(ValueError, match=message):
        Coverage(**right | given)


def test_a_coverage_made_of_lists() -> None:
    coverage = Coverage([1, 2, 1], [2, 1], [1, 1, 1])  # type: ignore[arg-type]
    assert cover(coverage, [0.0, 0.0], 2).novelty.tolist() == [1, pytest.approx(0.1 / 1.1)]
    assert len(Coverage([], [])) == 0  # type: ignore[arg-type]
