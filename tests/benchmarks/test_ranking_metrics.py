"""α-nDCG, redundancy and bits per byte: cases worked out by hand, and what holds for any list."""

from __future__ import annotations

import math
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.metrics.alpha_ndcg import alpha_ndcg
from benchmarks.metrics.bits_per_byte import bits_per_byte
from benchmarks.metrics.redundancy import Redundancy, redundancy
from sift_retrievers.metrics import Judgements

# "a" and "b" say the same, "c" says that and more, "d" stands for itself.
TOWN = Judgements({"a": ["people"], "b": ["people"], "c": ["people", "founded"], "d": []})
judged = st.dictionaries(
    st.integers(0, 9), st.lists(st.sampled_from("xyz"), max_size=3), min_size=1
).map(Judgements)
rankings = st.permutations(range(12)).flatmap(lambda p: st.integers(0, 12).map(lambda n: p[:n]))


def test_an_empty_list_gains_nothing() -> None:
    assert alpha_ndcg([], TOWN, 5) == 0


def test_alpha_ndcg_by_hand() -> None:
    """Gains 0, 1, 1 + 1/2, 1/4 against the ideal ranking c, d, then a and b."""
    dcg = 1 / math.log2(3) + 1.5 / math.log2(4) + 0.25 / math.log2(5)
    ideal = 2 / math.log2(2) + 1 / math.log2(3) + 0.5 / math.log2(4) + 0.25 / math.log2(5)
    assert alpha_ndcg(["?", "a", "c", "b"], TOWN, 4) == pytest.approx(dcg / ideal)
    assert alpha_ndcg(["?", "a", "c", "b"], TOWN, 1) == 0
    first_two = (1 / math.log2(3)) / (2 + 1 / math.log2(3))
    assert alpha_ndcg(["?", "a", "c", "b"], TOWN, 2) == pytest.approx(first_two)


def test_alpha_decides_what_a_repetition_is_worth() -> None:
    both = Judgements({"a": ["x"], "b": ["x"], "c": ["y"]})
    for alpha in (0.1, 0.5, 1.0):
        assert alpha_ndcg(["a", "c", "b"], both, 3, alpha) == pytest.approx(1)
        assert alpha_ndcg(["a", "b", "c"], both, 3, alpha) < 1
    assert alpha_ndcg(["a", "b", "c"], both, 3, 0) == pytest.approx(1)
    assert alpha_ndcg(["a", "b"], both, 2, 1) == pytest.approx(1 / (1 + 1 / math.log2(3)))


@given(judged, st.integers(1, 4), st.sampled_from([0.0, 0.3, 0.5, 1.0]))
def test_alpha_ndcg_is_relative_to_the_greedy_ranking(
    judgements: Judgements, k: int, alpha: float
) -> None:
    """A literal greedy ranking scores 1, and no ranking much more."""
    left, ranking = list(judgements.facets), []
    while left and len(ranking) < k:

        def gain(document: Any, before: tuple[Any, ...] = tuple(ranking)) -> tuple[float, int]:
            own = judgements.of(document)
            counts = [sum(f in judgements.of(b) for b in before) for f in own]
            return sum((1 - alpha) ** n for n in counts), len(own)

        best = max(left, key=gain)
        left.remove(best)
        ranking.append(best)
    assert alpha_ndcg(ranking, judgements, k, alpha) == pytest.approx(1)
    few = list(judgements.facets)[:5]
    best_score = max(alpha_ndcg(order, judgements, k, alpha) for order in permutations(few))
    assert 0 < best_score < 1.2


@given(rankings, judged, st.integers(1, 12))
def test_relevant_documents_first_score_no_less(
    ranking: list[int], judgements: Judgements, k: int
) -> None:
    relevant_first = sorted(ranking, key=lambda document: not judgements.of(document))
    better, plain = (alpha_ndcg(order, judgements, k) for order in (relevant_first, ranking))
    assert better >= plain - 1e-12


def test_redundancy_by_hand() -> None:
    """Angles 0°, 60°, 0° again and 120°, of different lengths."""
    half = math.sqrt(0.75)
    vectors = np.array([[2, 0], [0.5, half], [7, 0], [-0.5, half]])
    found = redundancy(vectors)
    cosines = [0.5, 1, 0.5, -0.5, 0.5, -0.5]
    assert found.mean_cosine == pytest.approx(sum(cosines) / 6)
    assert found.max_cosine == pytest.approx(1)
    assert found.near_duplicates == 0.25
    assert redundancy(vectors, threshold=0.4).near_duplicates == 0.75


def test_copies_of_one_passage_are_all_wasted_but_the_first() -> None:
    found = redundancy(np.ones((5, 3), dtype=np.float32))
    assert found.near_duplicates == 0.8
    assert found.mean_cosine == pytest.approx(1)


def test_a_list_too_short_to_repeat_itself() -> None:
    assert redundancy(np.ones((1, 3))) == redundancy(np.empty((0, 3))) == Redundancy(0, 0, 0)


def test_bits_per_byte_by_hand() -> None:
    assert bits_per_byte(math.log(2) * 12, 3) == pytest.approx(4)
    text = "größer"
    uniform = len(text.encode()) * math.log(256)  # a model that knows nothing about bytes
    assert bits_per_byte(uniform, len(text.encode())) == pytest.approx(8)
    assert bits_per_byte(0.0, 1) == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: alpha_ndcg(["a"], TOWN, 0), "k must be a whole number of at least 1; got 0"),
        (lambda: alpha_ndcg(["a"], TOWN, 1, 1.5), r"alpha must be 0 to 1; got 1\.5"),
        (lambda: alpha_ndcg(["a"], TOWN, 1, math.nan), "alpha must be 0 to 1; got nan"),
        (lambda: alpha_ndcg(["a", "?", "?"], TOWN, 3), r"once; got '\?' several times"),
        (lambda: redundancy([1.0, 2.0]), r"vectors must be \[n, d\]; got \(2,\)"),
        (lambda: redundancy([[1.0], [0.0]]), r"longer than 0; got lengths \[1. 0.\]"),
        (lambda: redundancy([[1.0], [math.nan]]), "must be finite"),
        (lambda: redundancy([[1.0]], threshold=90), "threshold must be a cosine, .* got 90"),
        (lambda: bits_per_byte(-1.0, 3), r"nats must be finite and at least 0; got -1\.0"),
        (lambda: bits_per_byte(math.inf, 3), "nats must be finite and at least 0; got inf"),
        (lambda: bits_per_byte(1.0, 0), "byte_count must be a whole number .* got 0"),
    ],
)
def test_arguments_that_make_no_sense(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
