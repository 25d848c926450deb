"""Every method picks what it says, and its picks for k are the first of its picks for more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hand_made import SHIFTED, candidates

from benchmarks.retrieval.candidates import Candidates, Store
from benchmarks.retrieval.methods import Method, PickStore, checked, label, prefix_holds
from benchmarks.retrieval.run import METHODS

ODD = {"activeft SIFT"}  # among ties it picks at random; 0.1 s a question


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_picks_for_less_are_the_first_picks_for_more(method: Method) -> None:
    some = candidates(queries=1 if method.name in ODD else 3)
    assert all(prefix_holds(method, method.default, some))
    if method.name not in ODD:
        assert all(prefix_holds(method, method.settings()[-1], some))


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_every_method_picks_each_passage_at_most_once(method: Method) -> None:
    some = candidates(queries=1)
    checked(method.pick(some, 20, **method.default), some, 20)


def test_names_are_different() -> None:
    assert len({method.name for method in METHODS}) == len(METHODS)


def test_the_same_rule_under_two_names() -> None:
    by_name = {method.name: method for method in METHODS}
    some = candidates(queries=5)
    pyversity = by_name["pyversity MMR"].pick(some, 10, diversity=0.3)
    langchain = by_name["LangChain MMR"].pick(some, 10, lambda_mult=0.7)
    np.testing.assert_array_equal(pyversity, langchain)


def with_vectors(some: Candidates, vectors: np.ndarray[Any, Any]) -> Candidates:
    """With other vectors of the whole corpus, the candidates as they stand."""
    return replace(some, store=Store(some.store.passages, vectors.astype(np.float32)))


def test_a_copy_is_not_picked_where_another_passage_says_more() -> None:
    """Three copies nearest, then one other: the default of version 0.1 picks the other second."""
    some = candidates(queries=1, size=4, dim=3)
    near, other = [0.8, 0.6, 0.0], [0.7, 0.0, np.sqrt(0.51)]
    some = with_vectors(some, np.array([near, near, near, other]))
    query = np.array([[1.0, 0.0, 0.0]], dtype=np.float32)
    some = replace(some, queries=query, cosines=query @ some.store.vectors.T)
    by_name = {method.name: method for method in METHODS}
    assert by_name["version 0.1"].pick(some, 2, lambda_=0.2)[0].tolist() == [0, 3]
    assert by_name["nearest neighbours"].pick(some, 2)[0].tolist() == [0, 1]


def test_settings_are_the_default_and_the_grid_none_twice() -> None:
    assert [dict(setting) for setting in SHIFTED.settings()] == [
        {"start": 3},
        {"start": 0},
        {"start": 5},
    ]
    assert label({"b": 2, "a": 0.5}) == "a 0.5, b 2"


def test_picks_are_made_once(tmp_path: Path) -> None:
    calls: list[Mapping[str, Any]] = []

    def counted(some: Any, k: int, **setting: Any) -> Any:
        calls.append(setting)
        return SHIFTED.pick(some, k, **setting)

    method = replace(SHIFTED, pick=counted)
    some = candidates()
    first = PickStore(tmp_path).picks(method, {"start": 3}, some)
    again = PickStore(tmp_path).picks(method, {"start": 3}, some)
    np.testing.assert_array_equal(first, again)
    assert len(calls) == 1
    store = PickStore(tmp_path)
    store.picks(method, {"start": 0}, some)
    store.picks(method, {"start": 3}, candidates(seed=1))
    store.picks(replace(method, version=2), {"start": 3}, some)
    store.picks(method, {"start": 3}, some.nearest(25))
    passages = [replace(some.store.passages[0], text="Other words."), *some.store.passages[1:]]
    store.picks(method, {"start": 3}, replace(some, store=Store((*passages,), some.store.vectors)))
    asked = (replace(some.asked[0], text="Other words?"), *some.asked[1:])
    store.picks(method, {"start": 3}, replace(some, asked=asked))
    assert len(calls) == 7


@pytest.mark.parametrize(
    ("picks", "message"),
    [
        ([[0, 1]], r"must be \[Q=2, k=2\]; got \(1, 2\)"),
        ([[0, 1], [0, 60]], "must be −1 to 59; got 0 to 60"),
        ([[0, 1], [4, 4]], "picked twice for query 1"),
    ],
)
def test_picks_that_are_wrong(picks: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        checked(np.array(picks, dtype=np.int32), candidates(queries=2), 2)
