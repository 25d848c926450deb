"""The area under the ROC curve: by hand, and against its definition by pairs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.metrics.roc_auc import roc_auc


def test_roc_auc_by_hand() -> None:
    assert roc_auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]) == 0.75
    assert roc_auc([1, 0], [2, 1]) == 1
    assert roc_auc([True, False], [1, 2]) == 0
    assert roc_auc([0, 1, 0, 1], [5, 5, 5, 5]) == 0.5
    assert roc_auc([0, 1, 1], [1, 1, 2]) == 0.75


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=2, max_size=30))
def test_roc_auc_counts_the_pairs(rows: list[tuple[bool, int]]) -> None:
    yes = [score for label, score in rows if label]
    no = [score for label, score in rows if not label]
    if not (yes and no):
        with pytest.raises(ValueError, match="labels must hold both kinds"):
            roc_auc(*zip(*rows, strict=True))
        return
    wins = sum((y > n) + 0.5 * (y == n) for y in yes for n in no)
    labels, scores = map(np.array, zip(*rows, strict=True))
    found = roc_auc(labels, scores)
    assert found == pytest.approx(wins / (len(yes) * len(no)))
    assert roc_auc(~labels, scores) == pytest.approx(1 - found)
    assert roc_auc(labels, np.exp(scores)) == found  # only the order counts


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: roc_auc([0, 1], [1.0]), r"labels and scores must be \[n\]; got \(2,\) and \(1,\)"),
        (lambda: roc_auc([0, 2], [1.0, 2.0]), r"labels must be 0 or 1; got \[0, 2\]"),
        (lambda: roc_auc([0, 1], [1.0, math.nan]), "scores must be finite"),
    ],
)
def test_arguments_that_make_no_sense(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
