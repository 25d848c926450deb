"""Qdrant's local mode and Chroma in this process: a row that another thread is replacing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from corpus import Corpus
from langchain_core.documents import Document
from reading import hits_in
from store_cases import chroma, qdrant, qdrant_filter

from langchain_sift.stores import chroma_local, reader_of
from langchain_sift.stores.chroma_local import passes

pytest.importorskip("langchain_qdrant")
pytest.importorskip("langchain_chroma")


@contextmanager
def replacing(
    store: Any,
    document: Document,
    place: Any,
    step: str,
    when: Callable[[], bool] = lambda: True,
) -> Iterator[threading.Event]:
    """A thread that adds a document, and stops before a step until the event is set."""
    here, go_on = threading.Event(), threading.Event()
    original = getattr(place, step)

    def stops(*arguments: Any, **options: Any) -> Any:
        if threading.current_thread() is thread and when():
            here.set()
            go_on.wait(30)
        return original(*arguments, **options)

    thread = threading.Thread(target=store.add_documents, args=([document],))
    setattr(place, step, stops)
    thread.start()
    try:
        assert here.wait(30)
        yield go_on
    finally:
        go_on.set()
        thread.join()
        setattr(place, step, original)


def odd_in_place_of(corpus: Corpus, i: int) -> Document:
    """Another text, vector and parity under the id of an even document."""
    corpus.embeddings.table["new text"] = -corpus.vectors[i]
    metadata = {"number": i, "parity": "odd"}
    return Document(id=corpus.ids[i], page_content="new text", metadata=metadata)


def check(hits: Any, corpus: Corpus, cosine: bool) -> None:
    """Every vector is the one of its text."""
    for text, vector in zip(hits.texts, hits.vectors, strict=True):
        expected = corpus.embeddings.table[text]
        length = (expected @ expected) ** 0.5 if cosine else 1.0
        assert vector == pytest.approx(expected / length, abs=1e-6)


def has_new_text(collection: Any) -> bool:
    return bool(collection.payload[0]["page_content"] == "new text")


@pytest.mark.parametrize("with_options", [False, True])
def test_qdrant_waits_for_a_row_whose_vector_is_still_the_old_one(
    corpus: Corpus, with_options: bool
) -> None:
    store = qdrant(corpus)
    collection = store.client._client.collections["test"]
    options: dict[str, Any] = {"score_threshold": -2.0} if with_options else {}
    new = odd_in_place_of(corpus, 0)
    when = partial(has_new_text, collection)
    with replacing(store, new, collection, "get_vector_params", when) as go_on:
        assert collection.vectors[""][0] @ -corpus.embeddings.table["new text"] > 0
        timer = threading.Timer(0.1, go_on.set)
        timer.start()
        hits = hits_in(store, corpus.query_vector(), 60, **options)
        timer.join()
    assert "new text" in hits.texts
    assert "text 0" not in hits.texts
    check(hits, corpus, cosine=True)


def test_qdrant_waits_where_vectors_are_looked_up(corpus: Corpus) -> None:
    store = qdrant(corpus)
    collection = store.client._client.collections["test"]
    new, when = odd_in_place_of(corpus, 0), partial(has_new_text, collection)
    with replacing(store, new, collection, "get_vector_params", when) as go_on:
        timer = threading.Timer(0.1, go_on.set)
        timer.start()
        found = reader_of(store).vectors_by_id(corpus.ids[:2])
        timer.join()
    assert [row.text for row in found.values()] == ["new text", "text 1"]
    for vector, text in found.values():
        expected = corpus.embeddings.table[str(text)]
        assert vector == pytest.approx(expected / (expected @ expected) ** 0.5, abs=1e-6)


def test_qdrant_applies_the_filter_to_what_it_returns(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client's own search filters first, and reads the payloads later."""
    store = qdrant(corpus)
    collection = store.client._client.collections["test"]
    search, new = type(collection).search, odd_in_place_of(corpus, 0)

    def then_replaced(*arguments: Any, **options: Any) -> Any:
        found = search(*arguments, **options)
        store.add_documents([new])
        return found

    monkeypatch.setattr(collection, "search", lambda *a, **o: then_replaced(collection, *a, **o))
    hits = hits_in(store, corpus.query_vector(), 60, **qdrant_filter("parity", "even"))
    assert sorted(metadata["number"] for metadata in hits.metadata) == [*range(2, 60, 2)]


def test_chroma_leaves_out_a_row_that_was_replaced_while_it_was_read(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = chroma(corpus)
    new, looked = odd_in_place_of(corpus, 0), chroma_local._none_is_replaced

    def then_replaced(*arguments: Any) -> Any:
        store.add_documents([new])
        return looked(*arguments)

    monkeypatch.setattr(chroma_local, "is_only_thread", lambda: False)
    monkeypatch.setattr(chroma_local, "_none_is_replaced", then_replaced)
    hits = hits_in(store, corpus.query_vector(), 60)
    assert "text 0" not in hits.texts
    assert len(hits) == 59
    check(hits, corpus, cosine=False)


def test_chroma_waits_for_a_write_that_is_under_way(corpus: Corpus) -> None:
    store = chroma(corpus)
    client = store._collection._client
    new = odd_in_place_of(corpus, 0)

    class Bindings:
        """The database, in which a write begins and does not end."""

        def __init__(self, inner: Any) -> None:
            self.inner = inner

        def upsert(self, *arguments: Any) -> Any:
            return self.inner.upsert(*arguments)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.inner, name)

    inner = client.bindings
    client.bindings = Bindings(inner)
    try:
        with replacing(store, new, client.bindings, "upsert") as go_on:
            timer = threading.Timer(0.1, go_on.set)
            timer.start()
            hits = hits_in(store, corpus.query_vector(), 60)
            assert go_on.is_set()
            timer.join()
    finally:
        client.bindings = inner
    assert len(hits) >= 59
    check(hits, corpus, cosine=False)


def test_chroma_leaves_out_what_was_deleted_while_it_was_read(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = chroma(corpus)
    collection = store._collection
    query = type(collection).query

    def deleted(self: Any, *arguments: Any, **options: Any) -> Any:
        found = query(self, *arguments, **options)
        if "documents" in options["include"]:
            found["documents"][0][2] = found["metadatas"][0][2] = None
        return found

    deleted.__module__ = query.__module__  # as the package's own
    monkeypatch.setattr(type(collection), "query", deleted)
    hits = hits_in(store, corpus.query_vector())
    assert len(hits) == 19
    check(hits, corpus, cosine=False)


def test_chroma_searches_again_where_a_deletion_made_it_fail(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors = pytest.importorskip("chromadb.errors")
    store = chroma(corpus)
    query, left = type(store._collection).query, [errors.InternalError("Error finding id")]

    def fails_once(self: Any, *arguments: Any, **options: Any) -> Any:
        if left:
            raise left.pop()
        return query(self, *arguments, **options)

    fails_once.__module__ = query.__module__  # as the package's own
    monkeypatch.setattr(type(store._collection), "query", fails_once)
    monkeypatch.setattr(chroma_local, "is_only_thread", lambda: False)
    assert len(hits_in(store, corpus.query_vector())) == 20
    left += [errors.InternalError("disk is broken")] * 100
    with pytest.raises(errors.InternalError, match="disk is broken"):
        hits_in(store, corpus.query_vector())


FILTERS: list[dict[str, Any]] = [
    {"parity": "even"},
    {"number": {"$gte": 10, "$lt": 20}},
    {"number": {"$in": [1, 2, 3]}},
    {"number": {"$nin": [1, 2, 3]}},
    {"parity": {"$ne": "even"}},
    {"$and": [{"parity": "odd"}, {"number": {"$gt": 40}}]},
    {"$or": [{"parity": "odd"}, {"number": {"$lte": 10}}]},
    {"missing": {"$ne": 3}},
    {"missing": 3},
    {"number": {"$gt": 10.5}},
]


@pytest.mark.parametrize("where", FILTERS)
def test_the_filter_that_is_checked_again_is_never_stricter_than_chromas(
    corpus: Corpus, where: dict[str, Any]
) -> None:
    given = {**where}
    if "$gte" in str(where):  # Chroma takes one operator a field
        given = {"$and": [{"number": {"$gte": 10}}, {"number": {"$lt": 20}}]}
    found = chroma(corpus)._collection.get(where=given, include=["metadatas"])["metadatas"]
    ours = [metadata for metadata in corpus.metadatas if passes(where, metadata)]
    assert {one["number"] for one in found} <= {one["number"] for one in ours}
    if where != {"number": {"$gt": 10.5}}:  # types: Chroma keeps whole numbers apart
        assert len(found) == len(ours)


def test_conditions_that_cannot_be_checked_again() -> None:
    assert passes({"tags": {"$contains": "a"}}, {"tags": ["b"]})  # Chroma has checked it
    assert not passes({"number": {"$gt": "a"}}, {"number": 3})
