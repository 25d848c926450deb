"""Real passages, the real embedding model, a real store."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from langchain_community.vectorstores import FAISS
from langchain_core.documents import Document
from langchain_core.vectorstores import InMemoryVectorStore
from minilm import load_minilm
from musique_sample import Question, coverage, load_sample, share_sentences

from langchain_sift import SIFTRetriever

QUESTION = "What is the age of Michael Jordan and how many kids does he have?"
AGE = "The age of Michael Jordan is 61 years."
BORN = "Michael Jordan was born on February 17, 1963."
CHILDREN = "Michael Jordan has five children."


@pytest.fixture(scope="module")
def minilm() -> Any:
    return load_minilm()


@pytest.mark.parametrize("store", [InMemoryVectorStore, FAISS])
def test_the_posters_question(minilm: Any, store: Any) -> None:
    retriever = SIFTRetriever(store.from_texts([BORN, AGE, CHILDREN], minilm), k=2)
    assert [d.page_content for d in retriever.invoke(QUESTION)] == [AGE, CHILDREN]


def test_the_same_fact_twice(minilm: Any) -> None:
    """What similarity search does with repeated content, and information gain does not."""
    again = "The age of Michael Jordan: 61 years."
    store = InMemoryVectorStore.from_texts([AGE, again, BORN, CHILDREN], minilm)
    similar = [d.page_content for d in store.similarity_search(QUESTION, k=2)]
    assert similar == [again, AGE]
    found = [d.page_content for d in SIFTRetriever(store, k=2).invoke(QUESTION)]
    assert found == [AGE, CHILDREN]  # the table in docs/method.md


def test_the_sample_is_what_it_says() -> None:
    documents, questions = load_sample()
    assert len(documents) == 2000
    assert len(questions) == 100
    passages = {document.metadata["passage"] for document in documents}
    assert all(question.gold <= passages for question in questions)
    assert len({document.id for document in documents}) == 2000


def test_coverage_and_overlap_by_hand() -> None:
    def chunk(passage: str, part: int) -> Document:
        return Document(page_content="", metadata={"passage": passage, "part": part})

    question = Question(text="?", answer=["!"], gold=frozenset({"a", "b"}))
    assert coverage([chunk("a", 0), chunk("a", 1), chunk("c", 0)], question) == 0.5
    assert coverage([], question) == 0
    assert share_sentences(chunk("a", 0), chunk("a", 2))
    assert not share_sentences(chunk("a", 0), chunk("a", 3))
    assert not share_sentences(chunk("a", 0), chunk("b", 0))


def test_the_demo_runs_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a part of the sample, through the script's own functions."""
    import musique_sample
    import quickstart

    documents, questions = load_sample()
    few = questions[:3]
    gold = frozenset().union(*(question.gold for question in few))
    part = [d for d in documents if d.metadata["passage"] in gold][:100] + documents[:40]
    unique = list({document.id: document for document in part}.values())
    monkeypatch.setattr(quickstart, "load_sample", lambda: (unique, few))
    monkeypatch.setattr(musique_sample, "CACHE", tmp_path)
    monkeypatch.setattr(sys, "argv", ["quickstart.py", "--questions", "1"])
    quickstart.main()
    printed = capsys.readouterr().out
    assert "nats, 100% new" in printed
    assert "hybrid: BM25 + vectors" in printed
    assert "All 3 questions, k = 4" in printed
    assert "fake chat model" in printed
    assert "\x1b[" not in printed  # plain when piped
    cached = [np.load(file) for file in tmp_path.glob("*.npy")]
    assert [vectors.shape for vectors in cached] == [(len(unique), 384)]
