"""Chroma and Qdrant: texts come with the search, and nothing is read by id afterwards."""

from __future__ import annotations

from typing import Any

import pytest
from corpus import Corpus
from langchain_core.vectorstores import InMemoryVectorStore
from reading import hits_in
from store_cases import CASES

from langchain_sift import SIFTRetriever


@pytest.mark.parametrize(
    ("store_name", "reads"),
    [("Chroma", ("get",)), ("Qdrant", ("retrieve", "scroll"))],
)
@pytest.mark.parametrize(
    "rule", [{}, {"relevance": "vectors"}, {"distinct_by": lambda d: d.metadata["number"]}]
)
def test_one_call_of_the_store(
    store_name: str,
    reads: tuple[str, ...],
    rule: dict[str, Any],
    corpus: Corpus,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A second read by id does not obey the filter, and somebody may have written in between."""
    store = CASES[store_name].filled(corpus)
    place = store._collection if store_name == "Chroma" else store.client

    def refuses(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("a second read")

    for name in reads:
        monkeypatch.setattr(place, name, refuses)
    found = SIFTRetriever(store, **rule).invoke(corpus.queries[0])
    assert len(found) == 4
    assert all(d.page_content == f"text {d.metadata['number']}" for d in found)


@pytest.mark.parametrize("name", ["Qdrant", "Qdrant L2", "Qdrant inner product, named vector"])
def test_vectors_through_the_client_as_a_server_sends_them(
    name: str, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In local mode the reader reads the client's own array; a server's come as lists."""
    pytest.importorskip("langchain_qdrant")
    retriever = SIFTRetriever(CASES[name].filled(corpus))
    want = [retriever.invoke(query) for query in corpus.queries]
    monkeypatch.setattr("langchain_sift.stores.qdrant.local_collection", lambda *_: None)
    found = [retriever.invoke(query) for query in corpus.queries]
    assert [[d.id for d in one] for one in found] == [[d.id for d in one] for one in want]
    assert found[0][0].metadata["sift"]["similarity"] == pytest.approx(
        want[0][0].metadata["sift"]["similarity"]
    )


def test_a_subclass_that_searches_in_another_way_is_asked(corpus: Corpus) -> None:
    class Backwards(InMemoryVectorStore):
        def _similarity_search_with_score_by_vector(self, *args: Any, **kwargs: Any) -> Any:
            return super()._similarity_search_with_score_by_vector(*args, **kwargs)[::-1]

    store = Backwards(corpus.embeddings)
    store.store = CASES["InMemory"].filled(corpus).store  # type: ignore[attr-defined]
    query = corpus.query_vector()
    found = hits_in(store, query, 5)
    plain = hits_in(CASES["InMemory"].filled(corpus), query, 5)
    assert [*found.ids] == [*plain.ids][::-1]
    assert found.vectors.tolist() == plain.vectors[::-1].tolist()


def test_in_memory_the_hits_are_those_of_the_stores_own_search(corpus: Corpus) -> None:
    store = CASES["InMemory"].filled(corpus)
    for i, query in enumerate(corpus.queries):
        for passes in (None, lambda document: document.metadata["parity"] == "even"):
            found = hits_in(store, corpus.query_vector(i), filter=passes)
            own = store.similarity_search(query, k=20, filter=passes)
            assert [*found.ids] == [document.id for document in own]
            assert [found.document(i) for i in range(20)] == own
            assert found.texts == [document.page_content for document in own]
