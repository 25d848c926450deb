"""Fixtures: one corpus, and every store filled with it in turn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from corpus import Corpus
from store_cases import CASES, StoreCase, of_make_test, search_kwargs

from langchain_sift import SIFTRetriever


@pytest.fixture
def corpus() -> Corpus:
    return Corpus()


@pytest.fixture(params=of_make_test(CASES))
def store_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def case(store_name: str) -> StoreCase:
    return CASES[store_name]


@pytest.fixture
def store(case: StoreCase, corpus: Corpus) -> Any:
    built = case.filled(corpus)
    corpus.embeddings.sealed = True
    return built


@pytest.fixture
def retriever(store: Any, case: StoreCase, corpus: Corpus) -> Callable[..., SIFTRetriever]:
    """Builds a retriever over the store with the settings of a test."""
    return lambda **settings: SIFTRetriever(store, **(case.arguments(corpus) | settings))


@pytest.fixture
def even_filter(case: StoreCase, store_name: str) -> dict[str, Any]:
    """search_kwargs that let only even documents through, in the store's own words."""
    return search_kwargs(case.even, store_name)
