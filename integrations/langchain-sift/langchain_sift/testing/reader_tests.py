"""`StoreReaderTests`: tests of what a retriever expects from the reader of a vector store."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import numpy as np
import pytest
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings

from langchain_sift.stores import reader_of
from langchain_sift.testing.open_store import OpenStore, numbers
from langchain_sift.testing.passages import Passages
from langchain_sift.testing.traits import StoreTraits

NewStore: TypeAlias = Callable[[list[Document], Embeddings], Any]
"""Makes a store that holds these documents under their ids, with the vectors of this model. For a
store that can only be made on an event loop, it may return an awaitable."""
Opened: TypeAlias = Callable[..., Awaitable[OpenStore]]


class StoreReaderTests:
    """Tests of one reader. A subclass overrides the fixtures `new_store` and `traits`.

    Every test runs twice: the store is read as a synchronous retriever reads it, and as an
    asynchronous one does.
    """

    pytestmark = pytest.mark.asyncio

    @pytest.fixture
    def new_store(self) -> NewStore:
        """How to make a store."""
        raise NotImplementedError(
            f"{type(self).__name__} must override the fixture new_store, a function of documents "
            "and an embedding model that makes the store"
        )

    @pytest.fixture
    def traits(self) -> StoreTraits:
        """The properties of the store that the tests need to know."""
        return StoreTraits()

    @pytest.fixture
    def passages(self) -> Passages:
        """The documents in the store."""
        return Passages()

    @pytest.fixture(params=["sync", "async"])
    def opened(
        self,
        request: pytest.FixtureRequest,
        new_store: NewStore,
        traits: StoreTraits,
        passages: Passages,
    ) -> Opened:
        """A function that makes a store with the passages; with `empty=True` it has none."""
        if request.param == "sync" and not traits.synchronous:
            pytest.skip("traits.synchronous is False: the store needs an event loop")

        async def opened(empty: bool = False) -> OpenStore:
            held = [] if empty else copy.deepcopy(passages.documents)
            store = new_store(held, passages.embeddings)
            if inspect.isawaitable(store):
                store = await store
            reader = reader_of(store, traits.reader, passages.embeddings)
            return OpenStore(store, reader, traits, passages, request.param == "async")

        return opened

    async def test_whole_rows_nearest_first(self, opened: Opened) -> None:
        """Ids, texts, metadata, vectors and documents of the hits are those of the same rows."""
        place = await opened()
        hits = await place.search(15)
        assert len(hits) == len(hits.ids) == len(hits.texts) == len(hits.metadata) == 15
        assert numbers(hits) == place.nearest()[:15]
        place.check_rows(hits)

    async def test_the_note_says_in_what_vectors_differ(self, opened: Opened) -> None:
        """There is a note if and only if the vectors are not those of the model."""
        place = await opened()
        note = (await place.search(15)).note
        assert (note is None) == (place.traits.note is None)
        assert place.traits.note is None or place.traits.note in str(note)

    async def test_a_filter_comes_before_the_cut(self, opened: Opened, traits: StoreTraits) -> None:
        """There are as many hits as if the store held only documents that pass the filter."""
        if traits.even is None:
            pytest.skip("traits.even is None: the store has no filters")
        place = await opened()
        hits = await place.search(12, **traits.even)
        assert numbers(hits) == [n for n in place.nearest() if n % 2 == 0][:12]
        place.check_rows(hits)

    async def test_a_filter_that_nothing_passes(self, opened: Opened, traits: StoreTraits) -> None:
        """There are no hits, and no error."""
        if traits.nothing is None:
            pytest.skip("traits.nothing is None: no filter is named that lets nothing through")
        place = await opened()
        assert len(await place.search(5, **traits.nothing)) == 0

    async def test_an_empty_store(self, opened: Opened, traits: StoreTraits) -> None:
        """There are no hits, and no error."""
        if not traits.may_be_empty:
            pytest.skip("traits.may_be_empty is False: the store is never without documents")
        place = await opened(empty=True)
        assert len(await place.search(5)) == 0

    async def test_fewer_documents_than_asked_for(self, opened: Opened) -> None:
        """All documents are returned."""
        place = await opened()
        assert sorted(numbers(await place.search(100))) == [*range(40)]

    async def test_an_argument_that_the_store_does_not_take(self, opened: Opened) -> None:
        """The error names it."""
        place = await opened()
        with pytest.raises(Exception, match="filtre"):
            await place.search(5, filtre={})

    async def test_searches_change_nothing(self, opened: Opened) -> None:
        """A search changes neither the query, nor the store, nor the hits of an earlier search."""
        place = await opened()
        query = place.passages.query.copy()
        first = await place.search(40)
        found = copy.deepcopy([first.ids, first.texts, first.metadata])
        for _ in range(3):
            await place.search(10, **(place.traits.even or {}))
        np.testing.assert_array_equal(place.passages.query, query)
        assert [first.ids, first.texts, first.metadata] == found
        place.check_rows(first)
        again = await place.search(40)
        assert [again.ids, again.texts, again.metadata] == found
        place.check_rows(again)

    async def test_vectors_by_id(self, opened: Opened, traits: StoreTraits) -> None:
        """Each vector comes with the text of the same row. Unknown ids are left out."""
        place = await opened()
        if not traits.looks_up:
            if place.reader.can("vectors_by_id"):
                pytest.skip("traits.looks_up is False: the reader cannot do it on this store")
            with pytest.raises(NotImplementedError, match="does not define"):
                await place.vectors_by_id([place.passages.id(0)])
            return
        hits = await place.search(5)
        ids = [str(name) for name in hits.ids]
        kept = await place.vectors_by_id([*ids, place.passages.id(1000)])
        assert {*kept} == {*ids}
        for name, text, vector in zip(ids, hits.texts, hits.vectors, strict=True):
            assert kept[name].text in (None, text)
            np.testing.assert_allclose(kept[name].vector, vector, rtol=1e-6)

    async def test_the_asynchronous_client_is_used(self, opened: Opened) -> None:
        """The reader reports correctly whether the store has an asynchronous client."""
        place = await opened()
        assert place.reader.searches_async == place.traits.native_async

    async def test_a_writer_beside_readers(self, opened: Opened, traits: StoreTraits) -> None:
        """While documents are added and deleted, each hit is one row that passes the filter."""
        if not traits.writable:
            pytest.skip("traits.writable is False: nobody may write while others search")
        place = await opened()
        async with place.writer():
            for _ in range(10):
                hits = await place.search(10, **(traits.even or {}))
                place.check_rows(hits)
                # Up to five of the ten rows that were found are the writer's, and may be deleted.
                assert 5 <= len(hits) <= 10
                if traits.even is not None:
                    assert all(number % 2 == 0 for number in numbers(hits))
