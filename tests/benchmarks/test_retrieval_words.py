"""Peers that look at words, and Dartboard."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hand_made import candidates

from benchmarks.retrieval.candidates import Candidates, Store
from benchmarks.retrieval.dartboard import dartboard
from benchmarks.retrieval.words import bm25, ensemble, ensemble_by_text, query_fusion


def with_texts(some: Candidates, texts: dict[int, str]) -> Candidates:
    """With other texts at some rows of the corpus, and no titles there."""
    passages = tuple(
        replace(p, text=texts.get(row, p.text), title="" if row in texts else p.title)
        for row, p in enumerate(some.store.passages)
    )
    return replace(some, store=Store(passages, some.store.vectors))


def asking(some: Candidates, text: str) -> Candidates:
    return replace(some, asked=tuple(replace(query, text=text) for query in some.asked))


def test_bm25_finds_words_anywhere_in_the_corpus() -> None:
    """The passage with the word is no candidate of the question."""
    some = asking(candidates(queries=2), "What does the zeppelin carry?")
    some = with_texts(some, {45: "The zeppelin carries mail."})
    assert 45 not in some.rows[0]
    assert bm25(some, 5)[0, 0] == 45


@pytest.mark.parametrize("fuse", [lambda c, k: ensemble(c, k, 0.5), query_fusion])
def test_fusion_is_by_reciprocal_ranks(fuse: object) -> None:
    some = candidates(queries=3)
    words, near = bm25(some, 90), some.rows
    picks = fuse(some, 10)  # type: ignore[operator]
    for row, by_words, by_vectors in zip(
        picks.tolist(), words.tolist(), near.tolist(), strict=True
    ):
        scores: dict[int, float] = {}
        for ranking in (by_words, by_vectors):
            for rank, passage in enumerate(ranking, start=1):
                scores[passage] = scores.get(passage, 0.0) + 1 / (60 + rank)
        assert row[0] == max(scores, key=lambda passage: scores[passage])
        found = [scores[passage] for passage in row]
        assert found == sorted(found, reverse=True)


def test_langchain_adds_up_passages_of_the_same_text() -> None:
    """Four copies that the vectors put far down come first, once."""
    some = candidates(queries=1)
    copies = [20, 21, 22, 23]
    some = with_texts(some, dict.fromkeys(copies, "mill mill mill mill"))
    some = asking(some, "mill")
    by_id, by_text = ensemble(some, 5, 0.5)[0], ensemble_by_text(some, 5, 0.5)[0]
    assert by_id[0] not in copies
    assert by_text[0] in copies
    assert len(set(by_text.tolist()) & set(copies)) == 1


def test_dartboard_maximises_the_formula() -> None:
    some = candidates(queries=1, size=12)
    query, pool, sigma = some.queries[0], some.vectors[0].astype(np.float64), 0.2
    picks = dartboard(query, some.vectors[0], 4, sigma)
    assert picks[0] == 0

    def log_density(cosines: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
        return -(((1 - cosines) / 2) ** 2) / (2 * sigma**2)

    wanted, near = log_density(pool @ query), log_density(pool @ pool.T)
    for n in range(1, 4):
        values = [
            np.logaddexp.reduce(wanted + near[[*picks[:n], other]].max(axis=0))
            for other in range(12)
        ]
        assert values[picks[n]] == pytest.approx(max(values))
