"""Every method picks what it says, and its picks for k are the first of its picks for more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hand_made import SHIFTED, candidates

from benchmarks.retrieval.methods import Method, PickStore, checked, label, prefix_holds
from benchmarks.retrieval.ours import selected, shared_noise
from benchmarks.retrieval.prototypes import directed, undirected
from benchmarks.retrieval.run import METHODS
from sift_retrievers import select
from sift_retrievers.kernels import Cosine, Exponential, RelevanceWeighted

with_shared_noise = selected(shared_noise)
ODD = {"activeft SIFT"}  # among ties it picks at random; 0.1 s a query


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_picks_for_less_are_the_first_picks_for_more(method: Method) -> None:
    some = candidates(queries=1 if method.name in ODD else 3)
    assert all(prefix_holds(method, method.default, some))
    if method.name not in ODD:
        assert all(prefix_holds(method, method.settings()[-1], some))


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_every_method_picks_each_candidate_at_most_once(method: Method) -> None:
    some = candidates(queries=1)
    checked(method.pick(some, 20, **method.default), some, 20)


def test_the_same_rule_under_two_names() -> None:
    by_name = {method.name: method for method in METHODS}
    some = candidates(queries=5)
    pyversity = by_name["pyversity MMR"].pick(some, 10, diversity=0.3)
    langchain = by_name["LangChain MMR"].pick(some, 10, lambda_mult=0.7)
    np.testing.assert_array_equal(pyversity, langchain)
    one = some.some(np.arange(5) == 0)
    activeft = by_name["activeft SIFT"].pick(one, 5, llambda=0.01)
    ours = by_name["SIFT cosine"].pick(one, 5, lambda_=0.01)
    np.testing.assert_array_equal(activeft, ours)


@pytest.mark.parametrize(
    ("kernel", "prototype"),
    [
        (Cosine(), lambda gram: gram),
        (Exponential(6.0), lambda gram: np.exp(6 * (gram - 1))),
    ],
)
def test_prototypes_compute_what_the_library_computes(kernel: Any, prototype: Any) -> None:
    some = candidates(queries=5)
    gram = some.gram.astype(np.float64)
    cosines = some.cosines.astype(np.float64)
    found = select(some.queries, some.vectors, 12, kernel=kernel, lambda_=0.7)
    cross = prototype(cosines)[:, None]
    np.testing.assert_array_equal(directed(cross, prototype(gram), 0.7, 12), found.indices)
    weighted = RelevanceWeighted(gamma=4.0, base=kernel, standardized=False)
    found = select(
        some.queries, some.vectors, 12, kernel=weighted, objective="undirected", lambda_=0.7
    )
    r = np.exp(4 * (cosines - cosines[:, :1]))
    covariance = r[:, :, None] * prototype(gram) * r[:, None]
    np.testing.assert_array_equal(undirected(covariance, 0.7, 12), found.indices)


def test_without_a_share_the_noise_is_the_papers() -> None:
    some = candidates(queries=5)
    papers = select(some.queries, some.vectors, 10, lambda_=2.0).indices
    np.testing.assert_array_equal(
        with_shared_noise(some, 10, error=0.0, sharpness=11.0, lambda_=2.0), papers
    )


def test_a_copy_tells_nothing_where_its_error_is_shared() -> None:
    """Three copies nearest, then one other: the other is second, though noise is large."""
    query = np.array([[1.0, 0.0, 0.0]], dtype=np.float32)
    near, other = [0.8, 0.6, 0.0], [0.7, 0.0, np.sqrt(0.51)]
    vectors = np.array([[near, near, near, other]], dtype=np.float32)
    some = replace(
        candidates(queries=1, size=4, dim=3),
        queries=query,
        vectors=vectors,
        cosines=np.einsum("qd,qkd->qk", query, vectors),
    )
    assert with_shared_noise(some, 2, error=0.0, sharpness=11.0, lambda_=20.0)[0].tolist() == [0, 1]
    assert with_shared_noise(some, 2, error=8.0, sharpness=11.0, lambda_=20.0)[0].tolist() == [0, 3]


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
    assert len(calls) == 5


@pytest.mark.parametrize(
    ("picks", "message"),
    [
        ([[0, 1]], r"must be \[Q=2, k=2\]; got \(1, 2\)"),
        ([[0, 1], [0, 30]], "must be −1 to 29; got 0 to 30"),
        ([[0, 1], [4, 4]], "picked twice for query 1"),
    ],
)
def test_picks_that_are_wrong(picks: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        checked(np.array(picks, dtype=np.int16), candidates(queries=2), 2)
