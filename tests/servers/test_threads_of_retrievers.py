"""Threads that share a retriever and two cores find what one thread finds, and all of them end."""

from __future__ import annotations

from functools import partial

import pytest
from server_packages import skip_without_packages
from server_stores import RETRIEVERS, retrieval
from server_work import together

SECONDS = 15


@pytest.mark.usefixtures("road", "two_cores")
@pytest.mark.parametrize("threads", [1, 2, 8, 32])
@pytest.mark.parametrize("name", RETRIEVERS)
def test_retrievals_by_one_retriever(name: str, threads: int) -> None:
    skip_without_packages(name)
    retriever = RETRIEVERS[name]()
    expected = [retrieval(retriever, number) for number in range(64)]
    shared = RETRIEVERS[name]()  # which has not been used before
    assert together(threads, partial(retrieval, shared), 64, SECONDS) == expected
