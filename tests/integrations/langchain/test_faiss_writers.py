"""FAISS: what a writer may do while a search is under way, one thing at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from corpus import Corpus
from reading import hits_in
from store_cases import faiss, faiss_of_its_own_package

from langchain_sift.stores import Hits, faiss_index, reader_of, writers

EVEN = {"parity": "even"}


@pytest.fixture(params=["langchain_community", "langchain_faiss"])
def store(request: pytest.FixtureRequest, corpus: Corpus) -> Any:
    of_its_own = request.param == "langchain_faiss"
    return faiss_of_its_own_package(corpus) if of_its_own else faiss(corpus)


@pytest.fixture
def community(corpus: Corpus) -> Any:
    return faiss(corpus)


def check(hits: Hits[Any], corpus: Corpus) -> None:
    """Every hit is whole."""
    for i, metadata in enumerate(hits.metadata):
        assert metadata is not None
        number = metadata["number"]
        assert hits.texts[i] == f"text {number}"
        assert hits.ids[i] == corpus.ids[number] == hits.document(i).id
        assert hits.vectors[i].tolist() == corpus.vectors[number].tolist()


@contextmanager
def once_after_the_search(
    monkeypatch: pytest.MonkeyPatch, act: Callable[[], Any], name: str = "nearest"
) -> Iterator[None]:
    """When the index has been searched, and before documents are read, this happens, once."""
    search, left = getattr(faiss_index, name), [act]

    def nearest(*arguments: Any, **options: Any) -> Any:
        found = search(*arguments, **options)
        while left:
            left.pop()()
        return found

    for module in ("faiss", "faiss_standalone"):
        path = f"langchain_sift.stores.{module}.{name}"
        monkeypatch.setattr(path, nearest, raising=module == "faiss")
    yield
    assert not left, "the index was not searched"


def test_a_deletion(store: Any, corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    nearest = hits_in(store, corpus.query_vector()).ids[0]
    with once_after_the_search(monkeypatch, lambda: store.delete([nearest])):
        hits = hits_in(store, corpus.query_vector())
    assert len(hits) == 20
    assert nearest not in hits.ids
    check(hits, corpus)


def test_a_deletion_under_a_filter(
    community: Any, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Positions that passed the filter belong to other documents afterwards."""
    first = [corpus.ids[0]]
    with once_after_the_search(monkeypatch, lambda: community.delete(first), "nearest_among"):
        hits = hits_in(community, corpus.query_vector(), filter=EVEN)
    assert len(hits) == 20
    assert {metadata["parity"] for metadata in hits.metadata if metadata} == {"even"}
    check(hits, corpus)


def test_an_addition(store: Any, corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus.embeddings.table["newcomer"] = corpus.query_vector()
    known = {**dict.fromkeys(hits_in(store, corpus.query_vector()).ids)}

    def add() -> None:
        store.add_texts(["newcomer"], [{"number": 60}], ids=["60"])

    with once_after_the_search(monkeypatch, add):
        hits = hits_in(store, corpus.query_vector())
    assert {*hits.ids} <= {*known, "60"}


def test_a_vector_whose_document_is_not_there_yet(community: Any, corpus: Corpus) -> None:
    community.index.add(corpus.query_vector()[None])
    hits = hits_in(community, corpus.query_vector())
    assert len(hits) == 19
    check(hits, corpus)


def test_a_document_that_is_gone(community: Any, corpus: Corpus) -> None:
    gone = hits_in(community, corpus.query_vector()).ids[3]
    community.docstore.delete([gone])
    for given in ({}, {"filter": EVEN}):
        hits = hits_in(community, corpus.query_vector(), 60, **given)
        assert gone not in hits.ids
        assert len(hits) >= 29
        check(hits, corpus)


def test_a_document_that_another_tenants_replaces_under_the_same_id(
    community: Any, corpus: Corpus
) -> None:
    """The document that is returned has passed the filter itself, not its predecessor."""
    seen: list[int] = []

    def even(metadata: dict[str, Any]) -> bool:
        seen.append(metadata["number"])
        if len(seen) == 60:  # all have been looked at
            held = community.docstore._dict
            other = corpus.documents()[1]
            held[corpus.ids[0]] = other.model_copy(update={"id": corpus.ids[0]})
        return metadata["number"] % 2 == 0

    hits = hits_in(community, corpus.query_vector(), 60, filter=even)
    assert sorted(m["number"] for m in hits.metadata if m) == [*range(2, 60, 2)]


@contextmanager
def deleting(store: Any, name: str) -> Iterator[threading.Event]:
    """A thread that is in the middle of a deletion until the event is set."""
    under_way, go_on = threading.Event(), threading.Event()
    remove = store.index.remove_ids

    class Index:
        """The store's index, in which a removal begins and does not tell so."""

        def remove_ids(self, ids: Any) -> Any:
            under_way.set()
            go_on.wait(30)
            return remove(ids)

        def __getattr__(self, attribute: str) -> Any:
            return getattr(store_index, attribute)

    store_index, store.index = store.index, Index()
    thread = threading.Thread(target=store.delete, args=([name],))
    thread.start()
    try:
        assert under_way.wait(30)
        yield go_on
    finally:
        go_on.set()
        thread.join()


def test_a_deletion_that_is_under_way_is_waited_for(community: Any, corpus: Corpus) -> None:
    nearest = str(hits_in(community, corpus.query_vector()).ids[0])
    with deleting(community, nearest) as go_on:
        timer = threading.Timer(0.1, go_on.set)
        timer.start()
        hits = hits_in(community, corpus.query_vector())
        timer.join()
    assert nearest not in hits.ids
    assert len(hits) == 20
    check(hits, corpus)


def test_a_deletion_that_does_not_end(
    community: Any, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writers, "TRIES", 3)
    nearest = str(hits_in(community, corpus.query_vector()).ids[0])
    with (
        deleting(community, nearest),
        pytest.raises(RuntimeError, match="FAISS was being written to during each of 3 attempts"),
    ):
        hits_in(community, corpus.query_vector())


def test_vectors_by_id_come_with_the_texts_of_the_same_rows(store: Any, corpus: Corpus) -> None:
    store.delete([corpus.ids[0]])
    found = reader_of(store).vectors_by_id([*corpus.ids[:3], "unknown"])
    assert {name: row.text for name, row in found.items()} == {
        corpus.ids[1]: "text 1",
        corpus.ids[2]: "text 2",
    }
    np.testing.assert_array_equal(found[corpus.ids[2]].vector, corpus.vectors[2])
