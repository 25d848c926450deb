"""The settings that retriever and reranker share, and how they change for one call."""

from __future__ import annotations

import inspect
from concurrent.futures import ThreadPoolExecutor
from typing import Any, get_type_hints

import pytest
from corpus import Corpus
from llama_cases import model_of, nodes_of
from llama_index.core import VectorStoreIndex
from llama_index.core.schema import NodeWithScore

from llama_index.postprocessor.sift import SIFTRerank
from llama_index.retrievers.sift import SIFTRetriever
from llama_index.retrievers.sift.settings import SelectionOptions, SelectionSettings
from sift_retrievers.kernels import Cosine
from sift_retrievers.witnesses import Witnesses

OTHERS: list[dict[str, Any]] = [
    {"lambda_": 0.005},
    {"kernel": Cosine()},
    {"relevance": Witnesses(words=9.0)},
    {"relevance": "vectors", "min_novelty": 0.9},
]


def ids(nodes: list[NodeWithScore]) -> list[str]:
    return [node.node_id for node in nodes]


def test_editors_know_every_setting() -> None:
    names = {*SelectionSettings.model_fields}
    assert {*SelectionOptions.__annotations__} == names
    assert names <= {*SIFTRerank.model_fields}
    assert not names & {*inspect.signature(SIFTRetriever.__init__).parameters}
    own = get_type_hints(SelectionSettings)
    for name, kind in get_type_hints(SelectionOptions).items():
        if name not in ("adapter", "embedding_cache"):
            assert kind == own[name], name


@pytest.mark.parametrize("changes", OTHERS)
def test_settings_for_one_call(
    simple: VectorStoreIndex, corpus: Corpus, changes: dict[str, Any]
) -> None:
    retriever = SIFTRetriever(simple, 9, similarity_cutoff=-0.5)
    before = ids(retriever.retrieve(corpus.queries[0]))
    new = SIFTRetriever(simple, 9, similarity_cutoff=-0.5, **changes)
    want = ids(new.retrieve(corpus.queries[0]))
    changed = retriever.with_settings(**changes)
    assert ids(changed.retrieve(corpus.queries[0])) == want
    assert changed.rules == new.rules
    assert ids(retriever.retrieve(corpus.queries[0])) == before

    stored: dict[str, Any] = {"embed_model": model_of(simple), "vector_store": simple.vector_store}
    rerank = SIFTRerank(top_n=9, similarity_cutoff=-0.5, **stored)
    nodes = simple.as_retriever(similarity_top_k=60).retrieve(corpus.queries[0])
    found = rerank.with_settings(**changes).postprocess_nodes(nodes, query_str=corpus.queries[0])
    assert ids(found) == want
    assert ids(rerank.postprocess_nodes(nodes, query_str=corpus.queries[0])) == before


def test_sizes_for_one_call(simple: VectorStoreIndex, corpus: Corpus) -> None:
    retriever = SIFTRetriever(simple)
    more = retriever.with_settings(similarity_top_k=7, fetch_top_k=7)
    assert len(more.retrieve(corpus.queries[0])) == 7
    assert len(retriever.retrieve(corpus.queries[0])) == 4
    with pytest.raises(ValueError, match="similarity_top_k must be a whole number"):
        retriever.with_settings(similarity_top_k=0)
    with pytest.raises(ValueError, match="lambda_ must be positive"):
        retriever.with_settings(lambda_=-1.0)
    with pytest.raises(ValueError, match="lambda_ must be positive"):
        SIFTRerank().with_settings(lambda_=-1.0)


def test_a_copy_shares_the_cache(simple: VectorStoreIndex, corpus: Corpus) -> None:
    model = model_of(simple)
    model.sealed = False
    rerank = SIFTRerank(embed_model=model)
    nodes = [NodeWithScore(node=node) for node in nodes_of(corpus)]
    rerank.postprocess_nodes(nodes, query_str=corpus.queries[0])
    model.sealed = True
    rerank.with_settings(lambda_=0.3).postprocess_nodes(nodes, query_str=corpus.queries[0])
    retriever = SIFTRetriever(simple)
    assert retriever.with_settings(lambda_=0.3).settings.embedding_cache is (
        retriever.settings.embedding_cache
    )


def test_calls_with_different_settings_at_once(simple: VectorStoreIndex, corpus: Corpus) -> None:
    retriever = SIFTRetriever(simple, 9)
    want = [ids(retriever.with_settings(**o).retrieve(corpus.queries[0])) for o in OTHERS]
    with ThreadPoolExecutor(8) as pool:
        found = pool.map(
            lambda i: ids(retriever.with_settings(**OTHERS[i % 4]).retrieve(corpus.queries[0])),
            range(64),
        )
    assert [*found] == [want[i % 4] for i in range(64)]
