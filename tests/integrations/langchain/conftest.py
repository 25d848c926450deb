"""Fixtures: one corpus, and every store filled with it in turn."""

from __future__ import annotations

from typing import Any

import pytest
from store_builders import BUILDERS, FILTERS, Corpus


@pytest.fixture
def corpus() -> Corpus:
    return Corpus()


@pytest.fixture(params=BUILDERS)
def store_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def store(store_name: str, corpus: Corpus) -> Any:
    built = BUILDERS[store_name](corpus)
    corpus.embeddings.sealed = True
    return built


@pytest.fixture
def even_filter(store_name: str) -> dict[str, Any]:
    """search_kwargs that let only even documents through, in the store's own words."""
    return FILTERS[store_name.split()[0]]
