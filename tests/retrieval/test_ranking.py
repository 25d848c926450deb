"""Scores fall strictly in selection order, whatever the gains did."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sift_retrievers.ranking import falling_scores, falling_shares


@given(st.lists(st.floats(0, 10), max_size=50))
def test_strictly_falling_and_never_above_the_gain(gains: list[float]) -> None:
    scores = falling_scores(gains)
    assert len(scores) == len(gains)
    assert np.all(np.diff(scores) < 0)
    assert np.all(scores <= np.asarray(gains))


def test_falling_gains_are_their_own_scores() -> None:
    assert falling_scores([3.0, 2.0, 0.5]).tolist() == [3.0, 2.0, 0.5]


def test_a_rise_is_levelled_by_the_smallest_step() -> None:
    scores = falling_scores([1.0, 2.0, 2.0])
    assert scores[0] == 1.0
    assert scores[1] == np.nextafter(1.0, -np.inf)


@pytest.mark.parametrize("shares", [[0.0, 0.0, 0.0], [1.0, 1.0, 0.0, 0.5], [1e-320, 1e-320], []])
def test_shares_stay_between_0_and_1(shares: list[float]) -> None:
    scores = falling_shares(shares)
    assert np.all(np.diff(scores) < 0)
    assert np.all((scores >= 0) & (scores <= 1))
    np.testing.assert_allclose(scores, np.minimum.accumulate(shares), rtol=1e-15, atol=1e-300)
