"""`langchain_sift.calibrate`: candidates from the store itself, gold in the user's own names."""

from __future__ import annotations

import json
from pathlib import Path
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
from sift_retrievers.evaluation import Question


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


def test_questions_of_a_file_with_gold_texts(many: Corpus, tmp_path: Path) -> None:
    memory: Any = CASES["InMemory"].filled(many)
    options: dict[str, Any] = {"configurations": [DEFAULT], "progress": False}
    rows = [
        {"user_input": query, "reference_contexts": [many.texts[i], many.texts[i + 30].upper()]}
        for i, query in enumerate(many.queries)
    ]
    file = tmp_path / "ragas.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    by_text = calibrate(SIFTRetriever(memory, fetch_k=60), file, **options)
    by_id = calibrate(SIFTRetriever(memory, fetch_k=60), many.queries, gold(many), **options)
    assert by_text == by_id
    assert by_text.gold_found == (48, 48)
    questions = [Question(query, many.ids[i : i + 1]) for i, query in enumerate(many.queries)]
    assert calibrate(memory, questions, **options).gold_found == (24, 24)
    texts = [one.text for one in questions]
    assert not calibrate(memory, texts, **options).labelled
    with pytest.raises(ValueError, match="have gold passages of their own"):
        calibrate(memory, questions, gold(many), **options)
    with pytest.raises(ValueError, match=r"1 of 24 questions have no gold passages, .* question 5"):
        calibrate(memory, [*questions[:5], Question("query 5"), *questions[6:]], **options)
    with pytest.raises(FileNotFoundError, match="there is no file"):
        calibrate(memory, str(tmp_path / "none.jsonl"), **options)


def test_few_or_no_gold_texts_among_the_candidates(many: Corpus) -> None:
    memory: Any = CASES["InMemory"].filled(many)
    options: dict[str, Any] = {"configurations": [DEFAULT], "progress": False}
    few = [
        Question(query, gold_texts=[many.texts[i] if i < 6 else "of another corpus"])
        for i, query in enumerate(many.queries)
    ]
    with pytest.warns(UserWarning, match="only 6 of 24 gold passages .* found by text"):
        assert "6 of 24 gold passages" in str(calibrate(memory, few, **options))
    none = [Question(query, gold_texts=["of another corpus"]) for query in many.queries]
    with pytest.raises(ValueError, match=r"no candidate holds a gold text .* 'of another corpus'"):
        calibrate(memory, none, **options)
