"""Our methods pick what the parts of the library pick that they are named after."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hand_made import candidates

from benchmarks.retrieval.candidates import Candidates, Store
from benchmarks.retrieval.ours import OUR_METHODS, relevances
from sift_retrievers.coverage import cover
from sift_retrievers.selection import select
from sift_retrievers.witnesses import Relevance, Witnesses
from sift_retrievers.witnesses.phrases import coverage_from_terms
from sift_retrievers.witnesses.relevance import combine_witnesses
from sift_retrievers.witnesses.texts import PassageTexts

BY_NAME = {method.name: method for method in OUR_METHODS}


def read(some: Candidates, n: int) -> tuple[PassageTexts, Relevance]:
    passages = PassageTexts.read(some.texts(n), some.titles(n))
    return passages, combine_witnesses(
        [some.cosines[n]], [some.asked[n].text], passages, Witnesses()
    )


def test_the_default_is_relevance_of_both_witnesses_and_coverage_of_phrases() -> None:
    some = candidates(queries=4)
    picks = BY_NAME["the default"].pick(some, 10)
    for n, row in enumerate(picks.tolist()):
        passages, heard = read(some, n)
        assert heard.words is not None
        phrases = coverage_from_terms(
            passages, heard.words.word_weights, gamma=0.3, level=heard.chance
        )
        expected = cover(phrases, heard.total, 10, lambda_=0.1).indices
        assert row == some.rows[n, expected].tolist()


def test_relevance_alone_is_the_order_of_the_witnesses() -> None:
    some = candidates(queries=3)
    picks = BY_NAME["our relevance alone"].pick(some, 30)
    for n, row in enumerate(picks.tolist()):
        total = read(some, n)[1].total
        np.testing.assert_allclose(relevances(some)[n], total, atol=1e-5)
        assert row == some.rows[n, np.argsort(-total, kind="stable")].tolist()


def test_version_0_1_looks_at_vectors_alone() -> None:
    some = candidates(queries=3)
    found = select(
        some.queries, some.vectors, 10, kernel="relevance", objective="undirected", lambda_=0.2
    )
    expected = some.rows_at(np.asarray(found.indices, dtype=np.int64))
    np.testing.assert_array_equal(BY_NAME["version 0.1"].pick(some, 10, lambda_=0.2), expected)
    blank = tuple(replace(passage, text="", title="") for passage in some.store.passages)
    without = replace(some, store=Store(blank, some.store.vectors))
    np.testing.assert_array_equal(BY_NAME["version 0.1"].pick(without, 10, lambda_=0.2), expected)
