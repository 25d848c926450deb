"""`llama_index.retrievers.sift.calibrate`: candidates from the index, gold in the user's names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from corpus import Corpus
from llama_cases import CASES
from llama_index.core import MockEmbedding, VectorStoreIndex
from llama_index.core.schema import TextNode

from llama_index.retrievers.sift import SIFTRetriever, calibrate
from sift_retrievers.calibration.configuration import DEFAULT, Configuration
from sift_retrievers.evaluation import Question


def test_it_scores_what_the_index_offers() -> None:
    corpus = Corpus(queries=24)
    index = CASES["Simple"].index(corpus)
    options: dict[str, Any] = {"configurations": [DEFAULT], "progress": False}
    by_id = [[corpus.ids[i], corpus.ids[i + 30]] for i in range(24)]
    by_number = [[i, i + 30] for i in range(24)]
    found = calibrate(index, corpus.queries, by_id, **options)
    same = calibrate(SIFTRetriever(index), corpus.queries, by_number, passage="number", **options)
    assert found == same
    assert 0 < found.score_of(DEFAULT).coverage.mean <= 1
    assert SIFTRetriever(index, **found.arguments).rules == found.chosen.rules
    assert not calibrate(index, corpus.queries, **options).labelled
    with pytest.raises(ValueError, match="none of the gold passages"):
        calibrate(index, corpus.queries, by_number, **options)


@pytest.mark.parametrize("title", [None, "code"])
def test_it_hears_questions_texts_and_titles(title: str | None) -> None:
    names = [f"PX-{4001 + 7 * i}" for i in range(24)]
    nodes = [
        TextNode(text="A pump.", id_=name, metadata={"code": name})
        if title
        else TextNode(text=f"A pump with the number {name}.", id_=name)
        for name in names
    ]
    index = VectorStoreIndex(nodes, embed_model=MockEmbedding(embed_dim=4))  # all alike
    configurations = [
        DEFAULT,
        Configuration("vectors", relevance="vectors"),
    ]
    found = calibrate(
        SIFTRetriever(index, title=title),
        [f"Where is {name}?" for name in names],
        [[name] for name in names],
        configurations=configurations,
        cutoffs=[1],
        progress=False,
    )
    default, vectors = (found.score_of(one).coverage.mean for one in configurations)
    assert default == 1
    assert vectors < 0.1


def test_questions_of_a_file_by_id_and_by_text(tmp_path: Path) -> None:
    corpus = Corpus(queries=24)
    index = CASES["Simple"].index(corpus)
    retriever = SIFTRetriever(index, fetch_top_k=60)
    options: dict[str, Any] = {"configurations": [DEFAULT], "progress": False}
    goldens = [
        {"input": query, "context": [corpus.texts[i], corpus.texts[i + 30]]}
        for i, query in enumerate(corpus.queries)
    ]
    file = tmp_path / "deepeval.json"
    file.write_text(json.dumps(goldens), encoding="utf-8")
    by_id = [
        Question(query, [corpus.ids[i], corpus.ids[i + 30]])
        for i, query in enumerate(corpus.queries)
    ]
    found = calibrate(retriever, str(file), **options)
    assert found == calibrate(retriever, by_id, **options)
    assert found.gold_found == (48, 48)
    with pytest.raises(ValueError, match="have gold passages of their own"):
        calibrate(retriever, by_id, [[0]] * 24, **options)
