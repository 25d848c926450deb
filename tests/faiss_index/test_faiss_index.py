"""`SIFTIndex` is `select` on the index's own vectors, by faiss's call."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from sift_retrievers import Coverage, select

faiss = pytest.importorskip("faiss")
from sift_retrievers.faiss import SIFTIndex  # noqa: E402

DIM, COUNT = 16, 400


@pytest.fixture(scope="module")
def vectors() -> Any:
    random = np.random.default_rng(0)
    return random.normal(size=(COUNT, DIM)).astype(np.float32)


@pytest.fixture(scope="module")
def queries(vectors: Any) -> Any:
    return vectors[:9] + np.random.default_rng(1).normal(size=(9, DIM)).astype(np.float32) * 0.3


def build(vectors: Any, factory: str = "Flat", metric: int = faiss.METRIC_L2) -> Any:
    index = faiss.index_factory(DIM, factory, metric)
    if not index.is_trained:
        index.train(vectors)
    index.add(vectors)
    return index


@pytest.mark.parametrize("metric", [faiss.METRIC_L2, faiss.METRIC_INNER_PRODUCT])
@pytest.mark.parametrize("factory", ["Flat", "IVF8,Flat", "HNSW32"])
def test_faiss_call(vectors: Any, queries: Any, factory: str, metric: int) -> None:
    index = build(vectors, factory, metric)
    gains, ids = SIFTIndex(index, fetch_k=50, lambda_=0.1).search(queries, 6)
    labels = index.search(queries, 50)[1]
    for b in range(len(queries)):
        pool = labels[b][labels[b] >= 0]
        expected = select(queries[b], vectors[pool], 6, lambda_=0.1)
        assert ids[b].tolist() == pool[expected.indices].tolist()
        np.testing.assert_allclose(gains[b], expected.gains, rtol=1e-5)


def test_a_query_that_is_a_stored_vector_is_returned_once(vectors: Any) -> None:
    """activeft returns its index five times."""
    ids = SIFTIndex(build(vectors), lambda_=0.01).search(vectors[:3], 5)[1]
    for b in range(3):
        assert ids[b, 0] == b
        assert len(set(ids[b].tolist())) == 5


def test_more_candidates_than_the_index_holds(vectors: Any, queries: Any) -> None:
    """activeft returns −1 everywhere."""
    index = build(vectors[:4])
    gains, ids = SIFTIndex(index, fetch_k=200).search(queries, 6)
    assert (np.sort(ids[:, :4], axis=1) == np.arange(4)).all()
    assert (ids[:, 4:] == -1).all()
    assert (gains[:, 4:] == 0).all()


def test_rows_belong_to_their_queries_under_threads(vectors: Any, queries: Any) -> None:
    """activeft's rows come back in completion order and share one target."""
    retriever = SIFTIndex(build(vectors))
    serial = [retriever.search(queries[b : b + 1], 5)[1] for b in range(9)] * 20
    with ThreadPoolExecutor(8) as pool:
        threaded = list(
            pool.map(lambda b: retriever.search(queries[b : b + 1], 5)[1], [*range(9)] * 20)
        )
    np.testing.assert_array_equal(serial, threaded)


def test_no_state_between_searches(vectors: Any, queries: Any) -> None:
    """activeft's fast variant keeps the previous query's queue."""
    retriever = SIFTIndex(build(vectors))
    first = retriever.search(queries[:1], 5)[1]
    retriever.search(queries[1:], 5)
    np.testing.assert_array_equal(retriever.search(queries[:1], 5)[1], first)


def test_chunks_do_not_show(vectors: Any, queries: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = SIFTIndex(build(vectors)).search(queries, 5)
    monkeypatch.setattr("sift_retrievers.faiss.CHUNK", 1)
    parts = SIFTIndex(build(vectors)).search(queries, 5)
    np.testing.assert_array_equal(whole[1], parts[1])


def test_an_empty_index(queries: Any) -> None:
    gains, ids = SIFTIndex(faiss.IndexFlatL2(DIM)).search(queries, 3)
    assert (ids == -1).all()
    assert (gains == 0).all()


def test_stopping_options_pass_through(vectors: Any, queries: Any) -> None:
    ids = SIFTIndex(build(vectors), min_gain=1e9).search(queries, 3)[1]
    assert (ids == -1).all()


def test_bad_input(vectors: Any, queries: Any) -> None:
    index = build(vectors)
    with pytest.raises(TypeError, match="faiss index; got ndarray"):
        SIFTIndex(vectors)
    with pytest.raises(ValueError, match="dimension 16; got queries of 3"):
        SIFTIndex(index).search(np.ones((1, 3)), 2)
    with pytest.raises(ValueError, match=r"x must be \[n, d\]; got \(16,\)"):
        SIFTIndex(index).search(queries[0], 2)
    with pytest.raises(ValueError, match="k must be a whole number of at least 1; got 0"):
        SIFTIndex(index).search(queries, 0)
    with pytest.raises(ValueError, match=r"fetch_k \(K\) must be at least k \(N\); got 3 and 5"):
        SIFTIndex(index, fetch_k=3).search(queries, 5)
    mapped = faiss.index_factory(DIM, "IDMap,Flat")  # IDMap2 can
    mapped.add_with_ids(vectors, np.arange(COUNT))
    with pytest.raises(ValueError, match="IndexIDMap cannot give back its vectors"):
        SIFTIndex(mapped).search(queries, 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fetch_k": 0}, "fetch_k must be a whole number of at least 1; got 0"),
        ({"costs": [1.0]}, r"\['costs'\] describe single candidates"),
        ({"ids": [[0]], "groups": [1]}, r"\['groups', 'ids'\] describe single candidates"),
        ({"lamda": 0.1}, r"select has no options \['lamda'\]"),
        ({"lambda_": -1.0}, "lambda_"),
        ({"kernel": "cosin"}, "kernel"),
        ({"kernel": np.eye(1)}, "ndarray, which describes single candidates"),
        ({"kernel": [[1.0]]}, "list, which describes single candidates"),
        ({"kernel": Coverage(np.array([1]), np.array([1]))}, "Coverage, which describes single"),
        ({"objective": "gain"}, "objective"),
        ({"alpha": -0.5}, "alpha"),
        ({"min_gain": float("nan")}, "min_gain"),
        ({"solver": "abacus"}, "solver"),
    ],
)
def test_options_are_checked_when_the_object_is_made(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SIFTIndex(faiss.IndexFlatL2(DIM), **options)
