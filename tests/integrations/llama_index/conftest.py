"""Fixtures: one corpus, and every LlamaIndex store filled with it in turn."""

from __future__ import annotations

import pytest

pytest.importorskip("llama_index.core")

from corpus import Corpus
from llama_cases import CASES, LlamaCase
from llama_index.core import VectorStoreIndex


@pytest.fixture
def corpus() -> Corpus:
    return Corpus()


@pytest.fixture(params=CASES)
def store_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def case(store_name: str) -> LlamaCase:
    return CASES[store_name]


@pytest.fixture
def index(case: LlamaCase, corpus: Corpus) -> VectorStoreIndex:
    return case.index(corpus)


@pytest.fixture
def simple(corpus: Corpus) -> VectorStoreIndex:
    return CASES["Simple"].index(corpus)
