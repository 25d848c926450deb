"""Scores fall strictly in selection order, whatever the gains did."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sift_retrievers import falling_scores


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
