"""The standard tests of langchain-tests, against every store."""

from __future__ import annotations

from typing import Any

import pytest
from store_builders import BUILDERS, Corpus

from langchain_sift import SIFTRetriever

standard = pytest.importorskip("langchain_tests.integration_tests")


class Standard(standard.RetrieversIntegrationTests):
    store: Any

    @property
    def retriever_constructor(self) -> type[SIFTRetriever]:
        return SIFTRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {"vectorstore": self.store}

    @property
    def retriever_query_example(self) -> str:
        return "query 0"


class TestInMemory(Standard):
    @pytest.fixture(autouse=True)
    def _fill(self) -> None:
        self.store = BUILDERS["InMemory"](Corpus())


class TestFAISS(Standard):
    @pytest.fixture(autouse=True)
    def _fill(self) -> None:
        self.store = BUILDERS["FAISS"](Corpus())


class TestChroma(Standard):
    @pytest.fixture(autouse=True)
    def _fill(self) -> None:
        self.store = BUILDERS["Chroma"](Corpus())
