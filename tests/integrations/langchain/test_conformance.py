"""The readers of all stores pass the tests that other packages are given for theirs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack
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


# Of the others, some cannot delete, and the clients of DuckDB and USearch are not for many threads.
WRITABLE = ("InMemory", "FAISS", "Chroma", "Qdrant", "Milvus", "PGVector", "LanceDB")
WITHOUT_LOOKUP = ("SKLearn", "Annoy", "USearch", "DocArray", "FAISS IVF")


class TestStoresWithoutAServer(StoreReaderTests):
    @pytest.fixture(params=store_cases.of_make_test(store_cases.CASES))
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
            may_be_empty=case.can_be_empty and name != "FAISS IVF",  # it is trained first
            writable=case.delete is not None and name.startswith(WRITABLE),
        )


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
            # This store adds no empty list, and an index that does not exist is an error.
            may_be_empty=not name.startswith("OpenSearch"),
            # Neither says in which tenant, or by which of several vectors.
            looks_up=not name.startswith("Weaviate "),
            writable=name != "Weaviate tenant",
        )


MORE = async_cases.CASES | standalone_cases.CASES


class TestStoresWithAnAsynchronousClient(StoreReaderTests):
    @pytest.fixture(params=MORE)
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
