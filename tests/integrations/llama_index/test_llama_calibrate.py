"""`llama_index.retrievers.sift.calibrate`: candidates from the index, gold in the user's names."""

from __future__ import annotations

from typing import Any

import pytest
from corpus import Corpus
from llama_cases import CASES

from llama_index.retrievers.sift import SIFTRetriever, calibrate
from sift_retrievers.calibration import DEFAULT


def test_it_scores_what_the_index_offers() -> None:
    corpus = Corpus(queries=24)
    index = CASES["Simple"].index(corpus)
    options: dict[str, Any] = {"settings": [DEFAULT], "progress": False}
    by_id = [[corpus.ids[i], corpus.ids[i + 30]] for i in range(24)]
    by_number = [[i, i + 30] for i in range(24)]
    found = calibrate(index, corpus.queries, by_id, **options)
    same = calibrate(SIFTRetriever(index), corpus.queries, by_number, passage="number", **options)
    assert found == same
    assert 0 < found.nearest.mean <= 1
    assert SIFTRetriever(index, **found.arguments).objective == found.setting.objective
    assert not calibrate(index, corpus.queries, **options).labelled
    with pytest.raises(ValueError, match="none of the gold passages"):
        calibrate(index, corpus.queries, by_number, **options)
