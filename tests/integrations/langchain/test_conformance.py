"""The readers of all stores pass the tests that other packages are given for theirs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from threading import Event
from typing import Any

import async_cases
import numpy as np
import pytest
import server_cases
import standalone_cases
import store_cases
from corpus import Corpus
from langchain_core.documents import Document

from langchain_sift.testing import StoreReaderTests, StoreTraits, TextEmbeddings
from langchain_sift.testing.open_store import OpenStore
from langchain_sift.testing.reader_tests import Opened

pytestmark = pytest.mark.filterwarnings("ignore:.*langchain-community.*:DeprecationWarning")


class Held(Corpus):
    """The documents of a test in the form in which the cases fill their stores."""

    def __init__(self, documents: list[Document], embeddings: TextEmbeddings) -> None:
        self.texts = [one.page_content for one in documents]
        self.metadatas = [one.metadata for one in documents]
        self.ids = [str(one.id) for one in documents]
        self.dim = len(embeddings.embed_query(""))
        self.vectors = np.array(embeddings.embed_documents(self.texts), dtype=np.float32)
        self.vectors = self.vectors.reshape(-1, self.dim)
        self.embeddings = embeddings  # type: ignore[assignment]


def unit_length(vectors: Any) -> Any:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def sixteen_bits(vectors: Any) -> Any:
    kind = pytest.importorskip("ml_dtypes").bfloat16
    return vectors.astype(kind).astype(np.float32)


WRITABLE = (
    "InMemory", "FAISS", "Chroma", "Qdrant", "Milvus", "PGVector", "LanceDB", "langchain-lancedb"
)  # fmt: skip
# langchain-faiss can delete, but is never read while somebody writes to it without a pause.
ADDED_TO = ("SKLearn", "USearch", "DuckDB", "langchain-faiss")
WITHOUT_LOOKUP = ("SKLearn", "Annoy", "USearch", "DocArray", "FAISS IVF")
WITHOUT_FILTERS = [name for name, case in store_cases.CASES.items() if case.even is None]


class StoresWithoutAServer(StoreReaderTests):
    @pytest.fixture
    def name(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    @pytest.fixture
    def new_store(self, name: str) -> Any:
        case = store_cases.CASES[name]
        return lambda documents, embeddings: case.filled(Held(documents, embeddings))

    @pytest.fixture
    def traits(self, name: str) -> StoreTraits:
        case = store_cases.CASES[name]
        if case.package is not None:
            pytest.importorskip(case.package)
        filters = case.even is not None
        return StoreTraits(
            metric=case.metric,  # type: ignore[arg-type]
            even=store_cases.search_kwargs(case.even, name) if filters else None,
            nothing=store_cases.search_kwargs(case.nothing, name) if filters else None,
            stored=unit_length if case.unit else None,
            note="unit length" if case.unit else None,
            native_async=name.startswith(("Milvus", "PGVectorStore")),
            keeps_ids=case.given_ids,
            looks_up=not name.startswith(WITHOUT_LOOKUP),
            writable=case.delete is not None and name.startswith(WRITABLE),
        )


@pytest.mark.parametrize("name", store_cases.of_make_test(store_cases.FILTERING), indirect=True)
class TestStoresWithFilters(StoresWithoutAServer):
    pass


@pytest.mark.parametrize("name", store_cases.of_make_test(WITHOUT_FILTERS), indirect=True)
class TestStoresWithoutFilters(StoresWithoutAServer):
    test_a_filter_comes_before_the_cut = None  # type: ignore[assignment]
    test_a_filter_that_nothing_passes = None  # type: ignore[assignment]

    async def test_a_filter_is_refused(self, opened: Opened) -> None:
        """Without it, documents would come back that it forbids."""
        place = await opened()
        for given in ({"parity": "even"}, {"number": -1}, lambda document: False):
            with pytest.raises(TypeError, match="filter"):
                await place.search(5, filter=given)

    async def test_a_writer_beside_readers(  # type: ignore[override]
        self, opened: Opened, traits: StoreTraits, name: str
    ) -> None:
        """Somebody adds documents, one at a time, to a store that cannot delete them."""
        if not name.startswith(ADDED_TO):
            await super().test_a_writer_beside_readers(opened, traits)
            return
        place = await opened()
        async with additions(place) as added:
            for _ in range(20):
                hits = await place.search(10)
                place.check_rows(hits)
                # USearch finds a new vector before its document can be read.
                assert 9 <= len(hits) <= 10
        assert added
        found = {one["number"] for one in (await place.search(1000)).metadata if one}
        assert found == {*range(40), *added}


@asynccontextmanager
async def additions(place: OpenStore) -> AsyncIterator[list[int]]:
    """Another thread adds documents until the block ends; the list of their numbers."""
    over, added = Event(), list[int]()

    def add() -> None:
        while not over.is_set():
            one = place.passages.document(1000 + len(added))
            given = {"ids": [one.id]} if place.traits.keeps_ids else {}
            place.store.add_texts([one.page_content], [one.metadata], **given)
            added.append(1000 + len(added))
            over.wait(0.01)

    task = asyncio.create_task(asyncio.to_thread(add))
    await asyncio.sleep(0)  # so that it begins
    try:
        yield added
    finally:
        over.set()
        await task


class TestStoresThatNeedAServer(StoreReaderTests):
    @pytest.fixture(params=store_cases.of_make_test(server_cases.CASES))
    def name(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    @pytest.fixture
    def new_store(self, name: str) -> Iterator[Any]:
        case = server_cases.CASES[name]
        pytest.importorskip(case.package)
        with ExitStack() as closing:
            yield lambda documents, embeddings: case.start(Held(documents, embeddings), closing)[0]

    @pytest.fixture
    def traits(self, name: str) -> StoreTraits:
        case = server_cases.CASES[name]
        pytest.importorskip(case.package)
        stored = {"Redis 16 bits": sixteen_bits, "OpenSearch faiss cosine": unit_length}
        return StoreTraits(
            metric=case.metric,  # type: ignore[arg-type]
            even=case.filtered("even"),
            nothing=case.filtered("neither"),
            always=case.always,
            stored=stored.get(name),
            note=case.note,
            native_async=name.startswith("OpenSearch"),
            # Neither says in which tenant, or by which of several vectors.
            looks_up=not name.startswith("Weaviate "),
            writable=name != "Weaviate tenant",
        )


MORE = async_cases.CASES | standalone_cases.CASES
ALONE = [name for name, case in MORE.items() if case.options.get("synchronous") is False]


class StoresWithAnAsynchronousClient(StoreReaderTests):
    @pytest.fixture
    def case(self, request: pytest.FixtureRequest) -> async_cases.AsyncCase:
        case = MORE[request.param]
        pytest.importorskip(case.package)
        return case

    @pytest.fixture
    async def new_store(self, case: async_cases.AsyncCase) -> AsyncIterator[Any]:
        async with AsyncExitStack() as closing:
            yield lambda documents, embeddings: case.build(Held(documents, embeddings), closing)

    @pytest.fixture
    def traits(self, case: async_cases.AsyncCase) -> StoreTraits:
        return StoreTraits(
            even=case.filtered("even"),
            nothing=case.filtered("neither"),
            **({"native_async": True} | case.options),
        )


@pytest.mark.parametrize("case", [name for name in MORE if name not in ALONE], indirect=True)
class TestStoresWithBothClients(StoresWithAnAsynchronousClient):
    pass


@pytest.mark.parametrize("opened", ["async"], indirect=True)
@pytest.mark.parametrize("case", ALONE, indirect=True)
class TestStoresWithAnAsynchronousClientAlone(StoresWithAnAsynchronousClient):
    """What a synchronous retriever says of them is in test_async_clients.py."""
