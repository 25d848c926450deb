"""`ActiveFTIndex` takes activeft's calls and selects as `SIFTIndex` does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

faiss = pytest.importorskip("faiss")
from sift_retrievers.activeft import ActiveFTIndex  # noqa: E402
from sift_retrievers.faiss import SIFTIndex  # noqa: E402

DIM, COUNT = 16, 400


@pytest.fixture(scope="module")
def vectors() -> Any:
    return np.random.default_rng(0).normal(size=(COUNT, DIM)).astype(np.float32)


@pytest.fixture(scope="module")
def queries(vectors: Any) -> Any:
    return vectors[:9] + np.random.default_rng(1).normal(size=(9, DIM)).astype(np.float32) * 0.3


@pytest.fixture(scope="module")
def index(vectors: Any) -> Any:
    flat = faiss.IndexFlatIP(DIM)
    flat.add(vectors)
    return flat


def test_one_query(index: Any, vectors: Any, queries: Any) -> None:
    retriever = ActiveFTIndex(index)
    gains, ids, found, seconds = retriever.search(queries[:1], N=6, K=50)
    assert gains.shape == ids.shape == (6,)
    np.testing.assert_array_equal(found, vectors[ids])
    assert seconds.faiss > 0
    assert seconds.sift > 0
    assert ids.tolist() == retriever.search(queries[0], 6, 50)[1].tolist()
    same = SIFTIndex(index, fetch_k=50, lambda_=0.01).search(queries[:1], 6)
    assert ids.tolist() == same[1][0].tolist()
    np.testing.assert_array_equal(gains, same[0][0])


def test_several_targets_draw_from_the_neighbours_of_each(index: Any, queries: Any) -> None:
    retriever = ActiveFTIndex(index, llambda=1.0)
    _, ids, _, _ = retriever.search(queries[:3], N=6, K=20)
    pool = np.unique(index.search(queries[:3], 20)[1])
    assert set(ids.tolist()) <= set(pool.tolist())
    assert len(set(ids.tolist())) == 6
    batch = retriever.batch_search(queries.reshape(3, 3, DIM), N=6, K=20)
    assert batch[1][0].tolist() == ids.tolist()
    assert batch[2].shape == (3, 6, DIM)


def test_without_k_the_whole_index_is_selected_from(index: Any, queries: Any) -> None:
    retriever = ActiveFTIndex(index)
    every = retriever.search(queries[0], 5, COUNT)
    for ids in (
        retriever.search(queries[0], 5, None)[1],
        retriever.batch_search(queries[:1, None], 5)[1][0],
    ):
        assert ids.tolist() == every[1].tolist()
    few = faiss.IndexFlatIP(DIM)
    few.add(queries[:2])
    assert ActiveFTIndex(few).search(queries[0], N=3, K=None)[1].tolist()[2] == -1


def test_bad_input(index: Any, queries: Any) -> None:
    retriever = ActiveFTIndex(index)
    with pytest.raises(ValueError, match=r"query must be \[m, d\] or \[d\]; got \(3, 3, 16\)"):
        retriever.search(queries.reshape(3, 3, DIM), 2, 10)
    with pytest.raises(ValueError, match=r"queries must be \[n, m, d\]; got \(9, 16\)"):
        retriever.batch_search(queries, 2)
    with pytest.raises(ValueError, match="N must be a whole number of at least 1; got 0"):
        retriever.search(queries[0], 0, 10)
    with pytest.raises(ValueError, match=r"fetch_k \(K\) must be at least k \(N\); got 3 and 5"):
        retriever.search(queries[0], 5, 3)
    with pytest.raises(ValueError, match="lambda_"):
        ActiveFTIndex(index, llambda=0.0)
    with pytest.raises(TypeError, match="lambda_ is called llambda here"):
        ActiveFTIndex(index, lambda_=0.1)
