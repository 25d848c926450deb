"""`langchain_sift.calibrate`: candidates from the store itself, gold in the user's own names."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from corpus import Corpus
from store_cases import CASES

from langchain_sift import SIFTRetriever, calibrate
from sift_retrievers.calibration import QueryCandidates
from sift_retrievers.calibration import calibrate as by_arrays
from sift_retrievers.calibration.configuration import (
    DEFAULT,
    NEAREST,
    default_configurations,
)


@pytest.fixture
def many() -> Corpus:
    return Corpus(queries=24)


def gold(corpus: Corpus) -> list[list[str]]:
    """The document next to each query, and the one that repeats it."""
    return [[corpus.ids[i], corpus.ids[i + 30]] for i in range(24)]


def negative_cosine(corpus: Corpus, i: int) -> Any:
    return -corpus.vectors @ corpus.query_vector(i) / np.linalg.norm(corpus.vectors, axis=1)


def distance(corpus: Corpus, i: int) -> Any:
    return np.linalg.norm(corpus.vectors - corpus.query_vector(i), axis=1)


@pytest.mark.parametrize(("store", "far"), [("InMemory", negative_cosine), ("FAISS", distance)])
def test_it_scores_what_the_store_offers(store: str, far: Any, many: Corpus) -> None:
    filled = CASES[store].filled(many)
    retriever = SIFTRetriever(filled, fetch_k=20)
    tried = default_configurations()[:4]
    found = calibrate(retriever, many.queries, gold(many), configurations=tried, progress=False)
    nearest_first = [np.argsort(far(many, i))[:20] for i in range(24)]
    fetched = [
        QueryCandidates(
            many.query_vector(i)[None],
            many.vectors[rows],
            [many.ids[row] for row in rows],
            many.queries[i],
            [many.texts[row] for row in rows],
        )
        for i, rows in enumerate(nearest_first)
    ]
    assert found == by_arrays(fetched, gold(many), configurations=tried)
    assert found.labelled
    assert SIFTRetriever(filled, **found.arguments).rules() == found.chosen.rules


def test_names_of_passages_and_bad_gold(many: Corpus) -> None:
    memory: Any = CASES["InMemory"].filled(many)
    numbers = [[i, i + 30] for i in range(24)]
    options: dict[str, Any] = {"configurations": [DEFAULT], "progress": False}
    by_key = calibrate(memory, many.queries, numbers, passage="number", **options)
    by_call = calibrate(
        memory, many.queries, numbers, passage=lambda d: d.metadata["number"], **options
    )
    assert by_key == by_call
    by_id = calibrate(memory, many.queries, gold(many), **options)
    assert by_key.score_of(NEAREST).coverage == by_id.score_of(NEAREST).coverage
    assert not calibrate(memory, many.queries, **options).labelled
    with pytest.raises(ValueError, match="passage='page' is no key"):
        calibrate(memory, many.queries, numbers, passage="page", **options)
    with pytest.raises(ValueError, match="none of the gold passages"):
        calibrate(memory, many.queries, numbers, **options)
    with pytest.raises(ValueError, match="gold must be 24"):
        calibrate(memory, many.queries, numbers[:3], **options)
    with pytest.raises(ValueError, match="at least 20 queries"):
        calibrate(memory, many.queries[:5], **options)
