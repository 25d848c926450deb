"""The tests for other packages' readers fail for a reader that does what it must not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from langchain_core.documents import Document
from langchain_core.vectorstores import InMemoryVectorStore

from langchain_sift.stores import Hits, StoreReader, reader_of
from langchain_sift.stores.in_memory import InMemoryReader
from langchain_sift.testing import Passages, StoreReaderTests, StoreTraits
from langchain_sift.testing.open_store import OpenStore

Query = npt.NDArray[np.float32]


class RightReader(InMemoryReader):
    pass


class VectorsOfOtherRows(InMemoryReader):
    def search(self, query: Query, fetch_k: int, **given: Any) -> Hits[Document]:  # type: ignore[override]
        hits = super().search(query, fetch_k, **given)
        return replace(hits, vectors=hits.vectors[::-1].copy())


class TextsOfOtherRows(InMemoryReader):
    def search(self, query: Query, fetch_k: int, **given: Any) -> Hits[Document]:  # type: ignore[override]
        hits = super().search(query, fetch_k, **given)
        return replace(hits, texts=[*hits.texts[1:], *hits.texts[:1]])


class FarthestFirst(InMemoryReader):
    def search(self, query: Query, fetch_k: int, **given: Any) -> Hits[Document]:  # type: ignore[override]
        return super().search(-query, fetch_k, **given)


class FilterAfterTheCut(InMemoryReader):
    def search(  # type: ignore[override]
        self, query: Query, fetch_k: int, *, filter: Callable[[Document], bool] | None = None
    ) -> Hits[Document]:
        hits = super().search(query, fetch_k)
        kept = [i for i in range(len(hits)) if filter is None or filter(hits.document(i))]
        return Hits(
            vectors=hits.vectors[kept],
            ids=[hits.ids[i] for i in kept],
            texts=[hits.texts[i] for i in kept],
            metadata=[hits.metadata[i] for i in kept],
            document=lambda i: hits.document(kept[i]),
        )


class ScaledInSecret(InMemoryReader):
    def search(self, query: Query, fetch_k: int, **given: Any) -> Hits[Document]:  # type: ignore[override]
        hits = super().search(query, fetch_k, **given)
        lengths = np.linalg.norm(hits.vectors, axis=1, keepdims=True)
        return replace(hits, vectors=hits.vectors / lengths)


class TakesAnything(InMemoryReader):
    def search(self, query: Query, fetch_k: int, **given: Any) -> Hits[Document]:  # type: ignore[override]
        return super().search(query, fetch_k, filter=given.get("filter"))


class KnowsEveryId(InMemoryReader):
    def vectors_by_id(self, ids: Any) -> Any:
        known = super().vectors_by_id(ids)
        return dict.fromkeys(ids, next(iter(known.values())))


class WritesIntoTheStore(InMemoryReader):
    def search(self, query: Query, fetch_k: int, **given: Any) -> Hits[Document]:  # type: ignore[override]
        hits = super().search(query, fetch_k, **given)
        for metadata in hits.metadata:
            metadata["seen"] = metadata.get("seen", 0) + 1  # type: ignore[index, union-attr]
        return hits


FAULTS: list[tuple[type[StoreReader[Document]], str]] = [
    (VectorsOfOtherRows, "test_whole_rows_nearest_first"),
    (TextsOfOtherRows, "test_whole_rows_nearest_first"),
    (FarthestFirst, "test_whole_rows_nearest_first"),
    (FilterAfterTheCut, "test_a_filter_comes_before_the_cut"),
    (ScaledInSecret, "test_whole_rows_nearest_first"),
    (TakesAnything, "test_an_argument_that_the_store_does_not_take"),
    (KnowsEveryId, "test_vectors_by_id"),
    (WritesIntoTheStore, "test_searches_change_nothing"),
]


async def run(reader: type[StoreReader[Document]], test: str) -> None:
    traits = StoreTraits(
        even={"filter": lambda document: document.metadata["parity"] == "even"}, reader=reader
    )
    passages = Passages()
    store = InMemoryVectorStore(passages.embeddings)
    store.add_documents(passages.documents)

    async def opened() -> OpenStore:
        return OpenStore(store, reader_of(store, reader), traits, passages, on_loop=False)

    needs_traits = test in (
        "test_a_filter_comes_before_the_cut",
        "test_vectors_by_id",
    )
    await getattr(StoreReaderTests(), test)(opened, *([traits] if needs_traits else []))


@pytest.mark.parametrize(("reader", "test"), FAULTS)
async def test_a_fault_is_found(reader: type[StoreReader[Document]], test: str) -> None:
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        await run(reader, test)


@pytest.mark.parametrize("test", sorted({test for _, test in FAULTS}))
async def test_a_reader_without_faults_passes(test: str) -> None:
    await run(RightReader, test)
