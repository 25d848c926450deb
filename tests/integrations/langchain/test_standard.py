"""The standard tests of langchain-tests, against every store."""

from __future__ import annotations

from typing import Any

import pytest
from corpus import Corpus
from store_cases import StoreCase

from langchain_sift import SIFTRetriever

standard = pytest.importorskip("langchain_tests.integration_tests")


class TestStandard(standard.RetrieversIntegrationTests):
    params: dict[str, Any]

    @pytest.fixture(autouse=True)
    def _fill(self, store: Any, case: StoreCase, corpus: Corpus) -> None:
        self.params = {"vectorstore": store, **case.arguments(corpus)}

    @property
    def retriever_constructor(self) -> type[SIFTRetriever]:
        return SIFTRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return self.params

    @property
    def retriever_query_example(self) -> str:
        return "query 0"
