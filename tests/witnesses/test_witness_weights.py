"""`Witnesses`: weights that make sense, and the names of the usual ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sift_retrievers.witnesses import Witnesses
from sift_retrievers.witnesses.relevance import as_witnesses


@pytest.mark.parametrize("name", ["vectors", "words", "scores"])
@pytest.mark.parametrize("weight", [-0.1, np.nan, np.inf, "1", None, True, False, 1j, [1.0]])
def test_wrong_weights_are_refused(name: str, weight: Any) -> None:
    with pytest.raises(ValueError, match=f"finite number of at least 0; got {name}="):
        Witnesses(**{name: weight})


def test_at_least_one_weight_is_above_0() -> None:
    for judge in (None, len):
        with pytest.raises(ValueError, match="at least one witness must have a weight above 0"):
            Witnesses(0, 0.0, 0, scorer=judge)  # type: ignore[arg-type]


def test_numbers_of_numpy_are_numbers() -> None:
    assert Witnesses(np.float32(0.5), np.int64(2)) == Witnesses(0.5, 2.0)  # type: ignore[arg-type]


def test_names() -> None:
    assert as_witnesses("vectors+words") == Witnesses()
    assert as_witnesses("vectors") == Witnesses(words=0)
    assert as_witnesses("words") == Witnesses(vectors=0)
    judge = as_witnesses(len)
    assert judge.scorer is len
    assert as_witnesses(judge) is judge
    with pytest.raises(ValueError, match=r"one of \['vectors', 'words', .*; got 'bm25'"):
        as_witnesses("bm25")


@pytest.mark.parametrize("given", [None, 5, 0.5, ["vectors"], {"vectors": 1}, b"vectors"])
def test_other_objects_are_refused(given: Any) -> None:
    with pytest.raises(TypeError, match=f"got {type(given).__name__}"):
        as_witnesses(given)
