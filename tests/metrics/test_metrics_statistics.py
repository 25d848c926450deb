"""Intervals and paired comparisons: by hand, and that they keep what they promise."""

from __future__ import annotations

import math
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sift_retrievers.metrics import mean_interval, paired_comparison

numbers = st.lists(st.integers(-5, 5).map(float), min_size=2, max_size=8)


def test_an_interval_by_hand() -> None:
    """Of two values, a resample has mean 0, ½ or 1 with probability ¼, ½, ¼."""
    assert mean_interval([0.0, 1.0]).low == 0
    assert mean_interval([0.0, 1.0]).high == 1
    narrow = mean_interval([0.0, 1.0], confidence=0.4)
    assert (narrow.low, narrow.mean, narrow.high) == (0.5, 0.5, 0.5)
    assert narrow.confidence == 0.4


def test_equal_values_leave_no_doubt() -> None:
    interval = mean_interval([0.25] * 10)
    assert (interval.low, interval.mean, interval.high) == (0.25, 0.25, 0.25)


def test_the_interval_of_a_normal_sample_is_that_of_the_textbook() -> None:
    values = np.random.default_rng(0).normal(size=400)
    interval = mean_interval(values)
    error = values.std() / math.sqrt(len(values))
    assert interval.low == pytest.approx(values.mean() - 1.96 * error, abs=0.1 * error)
    assert interval.high == pytest.approx(values.mean() + 1.96 * error, abs=0.1 * error)


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    random = np.random.default_rng(1)
    samples = random.exponential(size=(400, 60))
    intervals = [mean_interval(s, confidence=0.9, resamples=1000) for s in samples]
    share = np.mean([i.low <= 1 <= i.high for i in intervals])
    assert 0.84 < share < 0.94  # the percentile interval is a little too short for skewed samples


def test_the_seed_decides() -> None:
    values = np.random.default_rng(2).normal(size=50)
    assert mean_interval(values, seed=3) == mean_interval(values, seed=3)
    assert mean_interval(values, seed=3) != mean_interval(values, seed=4)


@settings(deadline=None)
@given(numbers)
def test_the_interval_holds_the_mean_and_stays_within_the_values(values: list[float]) -> None:
    interval = mean_interval(values, resamples=200)
    assert min(values) <= interval.low <= interval.high <= max(values)
    assert interval.mean == pytest.approx(np.mean(values))


def test_memory_does_not_grow_with_queries_times_resamples() -> None:
    values = np.random.default_rng(3).normal(size=20_000)  # 40 million numbers to draw
    tracemalloc.start()
    paired_comparison(values, -values, resamples=1000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 120e6


def test_a_p_value_by_hand() -> None:
    """Three differences of one sign: of eight sign patterns, two are as extreme."""
    compared = paired_comparison([1.0, 2.0, 3.0, 5.0], [0.0, 0.0, 0.0, 5.0])
    assert compared.p_value == 2 / 8
    assert compared.difference.mean == 1.5
    assert (compared.wins, compared.ties, compared.losses) == (3, 1, 0)
    # |±1 ± 2 ± 3| ≥ 4 for both signs of (1, 2, 3) and of (−1, 2, 3).
    mixed = paired_comparison([0.0, 2.0, 3.0], [1.0, 0.0, 0.0])
    assert mixed.p_value == 4 / 8
    assert (mixed.wins, mixed.ties, mixed.losses) == (2, 0, 1)


def test_methods_that_are_the_same() -> None:
    compared = paired_comparison([0.3, 0.1], [0.3, 0.1])
    assert compared.p_value == 1
    assert (compared.wins, compared.ties, compared.losses) == (0, 2, 0)
    assert compared.difference.low == compared.difference.high == 0


def test_rounding_does_not_decide_a_tie() -> None:
    """0.1 + 0.2 and 0.3 differ in the last bit; both patterns count as equally extreme."""
    compared = paired_comparison([0.1, 0.2, -0.3], [0.0, 0.0, 0.0])
    assert compared.p_value == 1


@settings(deadline=None)
@given(numbers)
def test_a_comparison_turned_round(values: list[float]) -> None:
    zeros = [0.0] * len(values)
    one, other = paired_comparison(values, zeros), paired_comparison(zeros, values)
    assert one.p_value == other.p_value
    assert 0 < one.p_value <= 1
    assert (one.wins, one.losses) == (other.losses, other.wins)
    assert one.difference.low == pytest.approx(-other.difference.high, abs=1e-12)


def test_random_patterns_agree_with_all_of_them() -> None:
    random = np.random.default_rng(4)
    for shift in (0.0, 0.3, 0.8):
        values = random.normal(shift, 1, size=12)
        every = paired_comparison(values, np.zeros(12), resamples=2**12).p_value
        some = paired_comparison(values, np.zeros(12), resamples=2**12 - 1).p_value
        assert some == pytest.approx(every, abs=4 * math.sqrt(every * (1 - every) / 2**12) + 1e-3)


def test_without_a_difference_the_test_errs_as_often_as_it_may() -> None:
    random = np.random.default_rng(5)
    pairs = random.exponential(size=(400, 2, 30))
    values = [paired_comparison(a, b, resamples=499).p_value for a, b in pairs]
    assert 0.02 < np.mean(np.array(values) <= 0.05) < 0.09
    assert min(values) > 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mean_interval([1.0]), r"values must be \[n\] with n ≥ 2; got \(1,\)"),
        (lambda: mean_interval([[1.0, 2.0]]), r"values must be \[n\] .* got \(1, 2\)"),
        (lambda: mean_interval([1.0, math.nan]), "1 of 2 are NaN or infinite, .* position 1"),
        (lambda: mean_interval([1.0, 2.0], confidence=95), "between 0 and 1; got 95"),
        (lambda: mean_interval([1.0, 2.0], resamples=0), "resamples must be a whole .* got 0"),
        (lambda: paired_comparison([1.0, 2.0], [1.0, 2.0, 3.0]), "got 2 and 3 values"),
        (lambda: paired_comparison([1.0, 2.0], [1.0, math.inf]), "b must be finite"),
        (lambda: paired_comparison([1.0, 2.0], [1.0, 1.0], resamples=0), "resamples must be"),
    ],
)
def test_arguments_that_make_no_sense(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
