"""Judgements and evidence coverage: cases worked out by hand, and what must hold for any list."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sift_retrievers.metrics import Judgements, coverage_curve

# "a" and "b" say the same, "c" says that and more, "d" stands for itself.
TOWN = Judgements({"a": ["people"], "b": ["people"], "c": ["people", "founded"], "d": []})
judged = st.dictionaries(
    st.integers(0, 9), st.lists(st.sampled_from("xyz"), max_size=3), min_size=1
).map(Judgements)
rankings = st.permutations(range(12)).flatmap(lambda p: st.integers(0, 12).map(lambda n: p[:n]))


def test_a_document_without_facets_is_its_own() -> None:
    assert TOWN.of("d") == {"d"}
    assert TOWN.of("c") == {"people", "founded"}
    assert TOWN.of("never judged") == frozenset()
    assert TOWN.all_facets == {"people", "founded", "d"}


def test_judgements_are_a_copy_of_what_came() -> None:
    given_facets = {"a": ["x"]}
    judgements = Judgements(given_facets)
    given_facets["b"] = ["y"]
    given_facets["a"].append("z")
    assert judgements.facets == {"a": {"x"}}
    assert judgements.all_facets == {"x"}


def test_judgements_that_cannot_be_meant() -> None:
    with pytest.raises(ValueError, match="at least one relevant document; got none"):
        Judgements({})
    with pytest.raises(TypeError, match=r"'a' must be a collection such as \['founded'\]; got the"):
        Judgements({"a": "founded"})


def test_coverage_by_hand() -> None:
    ranking = ["?", "a", "b", "d", "c", "!"]
    assert coverage_curve(ranking, TOWN).tolist() == [0, 1 / 3, 1 / 3, 2 / 3, 1, 1]


def test_an_empty_list_has_an_empty_curve() -> None:
    assert coverage_curve([], TOWN).shape == (0,)


@given(rankings, judged)
def test_the_curve_counts_the_facets_found_so_far_and_never_falls(
    ranking: list[int], judgements: Judgements
) -> None:
    curve = coverage_curve(ranking, judgements)
    for k in range(1, len(ranking) + 1):
        found = frozenset().union(*map(judgements.of, ranking[:k]))
        assert curve[k - 1] == len(found) / len(judgements.all_facets)
    assert (np.diff(curve) >= 0).all()


@given(rankings, judged)
def test_relevant_documents_first_cover_no_less(ranking: list[int], judgements: Judgements) -> None:
    relevant_first = sorted(ranking, key=lambda document: not judgements.of(document))
    better, plain = (coverage_curve(order, judgements) for order in (relevant_first, ranking))
    assert (better >= plain).all()
