"""On real servers the retriever finds what it finds in memory, and embeds no passage again.

Run by `make test-services` and by .github/workflows/services.yml; skipped where the variable
SIFT_SERVICES does not name a host on which the servers of compose.yaml run.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from corpus import Corpus
from langchain_core.vectorstores import InMemoryVectorStore
from real_stores import HOST, STORES, RealStore, filled

from langchain_sift import SIFTRetriever

pytestmark = pytest.mark.skipif(not HOST, reason="SIFT_SERVICES names no host with the servers")


@pytest.fixture
def corpus() -> Corpus:
    return Corpus()


@pytest.fixture
def memory(corpus: Corpus) -> InMemoryVectorStore:
    store = InMemoryVectorStore(corpus.embeddings)
    store.add_documents(corpus.documents(), ids=corpus.ids)
    return store


@pytest.fixture(params=STORES)
def real(
    request: pytest.FixtureRequest, corpus: Corpus, memory: InMemoryVectorStore
) -> Iterator[tuple[Any, RealStore]]:
    with ExitStack() as closing:
        store, case = filled(str(request.param), corpus, closing)
        deadline = time.monotonic() + 60  # some servers show what was written a little later
        while len(store.similarity_search(corpus.queries[0], k=100)) < len(corpus.texts):
            assert time.monotonic() < deadline, "the server does not show all documents"
            time.sleep(0.5)
        corpus.embeddings.sealed = True
        yield store, case


def texts(found: Any) -> list[str]:
    return [document.page_content for document in found]


async def test_it_chooses_as_in_memory(
    real: tuple[Any, RealStore], memory: InMemoryVectorStore, corpus: Corpus
) -> None:
    retriever, expected = SIFTRetriever(real[0], fetch_k=60), SIFTRetriever(memory, fetch_k=60)
    for query in corpus.queries:
        wanted = texts(expected.invoke(query))
        assert texts(retriever.invoke(query)) == wanted
        assert texts(await retriever.ainvoke(query)) == wanted


def test_a_filter_is_applied_before_the_cut(
    real: tuple[Any, RealStore], memory: InMemoryVectorStore, corpus: Corpus
) -> None:
    store, case = real
    retriever = SIFTRetriever(store, fetch_k=20, search_kwargs=case.even())
    even = SIFTRetriever(
        memory, fetch_k=20, search_kwargs={"filter": lambda one: one.metadata["parity"] == "even"}
    )
    for query in corpus.queries:
        assert texts(retriever.invoke(query)) == texts(even.invoke(query))
