"""`OpenStore`: a store under test, read as a retriever reads it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from threading import Event
from typing import Any

import numpy as np
from langchain_core.documents import Document

from langchain_sift.stores import Hits, StoredVector, StoreReader, search
from langchain_sift.testing.passages import Passages, ranked
from langchain_sift.testing.traits import StoreTraits
from sift_retrievers.retrieval import Target
from sift_retrievers.retrieval.work import Direct, OnLoop, finished


class OpenStore:
    """A store that holds the passages, with its reader and the checks of its hits."""

    def __init__(
        self,
        store: Any,
        reader: StoreReader[Document],
        traits: StoreTraits,
        passages: Passages,
        on_loop: bool,
    ) -> None:
        """Read a store by a reader, on the running event loop or without one."""
        self.store, self.reader, self.traits = store, reader, traits
        self.passages, self.on_loop = passages, on_loop

    async def search(self, fetch_k: int, **search_kwargs: Any) -> Hits[Document]:
        """The hits of a search for `passages.query`."""
        target, given = Target(self.passages.query), {**self.traits.always, **search_kwargs}
        if self.on_loop:
            return await search(OnLoop(), self.reader, target, fetch_k, given)
        return finished(search(Direct(), self.reader, target, fetch_k, given))

    async def vectors_by_id(self, ids: list[str]) -> Mapping[str, StoredVector]:
        """The vectors of some ids."""
        if self.on_loop and self.reader.searches_async:
            return await self.reader.avectors_by_id(ids)
        return await asyncio.to_thread(self.reader.vectors_by_id, ids)

    def nearest(self) -> list[int]:
        """The numbers of all passages, the nearest first, by brute force."""
        vectors = self._as_stored(self.passages.vectors(range(len(self.passages.documents))))
        query = self._as_stored(self.passages.query[None])[0]
        return ranked(query, vectors, self.traits.metric)

    def check_rows(self, hits: Hits[Document]) -> None:
        """Check that the text, metadata, id, vector and document of each hit are of one passage."""
        for i, (name, text, metadata) in enumerate(
            zip(hits.ids, hits.texts, hits.metadata, strict=True)
        ):
            given = self.passages.document(number(metadata))
            assert text == given.page_content, "text and metadata of different rows"
            assert metadata is not None
            assert metadata["parity"] == given.metadata["parity"]
            if self.traits.keeps_ids:
                assert name == given.id, "id and text of different rows"
            built = hits.document(i)
            assert (built.id, built.page_content) == (name, text)
            assert {**built.metadata} == {**metadata}
        self.check_vectors(hits)

    def check_vectors(self, hits: Hits[Document]) -> None:
        """Check that every vector is that of the text, as the store keeps it."""
        assert hits.vectors.dtype == np.float32
        expected = self._as_stored(self.passages.vectors(numbers(hits)))
        loose = self.traits.stored is not None
        np.testing.assert_allclose(
            hits.vectors,
            expected,
            rtol=1e-5 if loose else 1e-6,
            atol=1e-6 if loose else 0,
            err_msg="vector and text of different rows",
        )

    @asynccontextmanager
    async def writer(self) -> AsyncIterator[None]:
        """A context during which documents are added to the store and deleted again."""
        newcomers = [self.passages.document(number) for number in range(100, 105)]
        ids = [str(one.id) for one in newcomers]
        over = Event()

        def write() -> None:
            while not over.is_set():
                self.store.add_documents(newcomers, ids=ids)
                self.store.delete(ids)

        async def awrite() -> None:
            while not over.is_set():
                await self.store.aadd_documents(newcomers, ids=ids)
                await self.store.adelete(ids)

        writing = asyncio.to_thread(write) if self.traits.synchronous else awrite()
        task = asyncio.create_task(writing)
        await asyncio.sleep(0)  # let the writer begin
        try:
            yield
        finally:
            over.set()
            await task

    def _as_stored(self, vectors: Any) -> Any:
        return vectors if self.traits.stored is None else self.traits.stored(vectors)


def number(metadata: Mapping[str, Any] | None) -> int:
    """The number of the passage with this metadata. Some stores return it as a float."""
    assert metadata is not None, "a hit without metadata"
    return int(metadata["number"])


def numbers(hits: Hits[Document]) -> list[int]:
    """The numbers of the passages that were found."""
    return [number(metadata) for metadata in hits.metadata]
