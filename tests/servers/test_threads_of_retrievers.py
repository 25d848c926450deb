"""Threads that share a retriever and two cores find what one thread finds, and all of them end."""

from __future__ import annotations

from functools import partial

import pytest
from server_stores import STORES, retrieval
from server_work import together

from langchain_sift import SIFTRetriever

SECONDS = 15


@pytest.mark.usefixtures("road", "two_cores")
@pytest.mark.parametrize("threads", [1, 2, 8, 32])
@pytest.mark.parametrize("store", STORES)
def test_retrievals_by_one_retriever(store: str, threads: int) -> None:
    if store == "FAISS":
        pytest.importorskip("faiss")
        pytest.importorskip("langchain_community")
    filled = STORES[store]()
    expected = [retrieval(SIFTRetriever(filled, k=6), number) for number in range(64)]
    task = partial(retrieval, SIFTRetriever(filled, k=6))
    assert together(threads, task, 64, SECONDS) == expected
