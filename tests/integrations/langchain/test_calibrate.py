"""`langchain_sift.calibrate`: candidates from the store itself, gold in the user's own names."""

from __future__ import annotations

from typing import Any

import pytest
from corpus import Corpus
from store_cases import CASES

from langchain_sift import SIFTRetriever, calibrate
from sift_retrievers.calibration import DEFAULT, NEAREST, Pool, grid
from sift_retrievers.calibration import calibrate as by_pools
from sift_retrievers.metrics import Judgements
from sift_retrievers.retrieval import Target


@pytest.fixture
def many() -> Corpus:
    return Corpus(queries=24)


def gold(corpus: Corpus) -> list[list[str]]:
    """The document next to each query, and the one that repeats it."""
    return [[corpus.ids[i], corpus.ids[i + 30]] for i in range(24)]


@pytest.mark.parametrize("store", ["InMemory", "FAISS"])
def test_it_scores_what_the_store_offers(store: str, many: Corpus) -> None:
    filled = CASES[store].filled(many)
    retriever = SIFTRetriever(filled, fetch_k=20)
    found = calibrate(retriever, many.queries, gold(many), settings=grid()[:4], progress=False)
    pools = []
    for i in range(24):
        query = many.queries[i]
        hits = retriever._fetch([Target(many.query_vector(i), query)], retriever._call(query))
        assert len(hits) == 20
        texts = [hits.document(j).page_content for j in range(20)]
        vector = many.query_vector(i)[None]
        pools.append(Pool(vector, hits.vectors, [*hits.ids], many.queries[i], texts))
    judged = [Judgements(dict.fromkeys(names, ())) for names in gold(many)]
    assert found == by_pools(pools, judged, settings=grid()[:4])
    assert found.labelled
    assert SIFTRetriever(filled, **found.arguments).rules() == found.setting.rules


def test_names_of_passages_and_bad_gold(many: Corpus) -> None:
    memory: Any = CASES["InMemory"].filled(many)
    numbers = [[i, i + 30] for i in range(24)]
    options: dict[str, Any] = {"settings": [DEFAULT], "progress": False}
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
