"""Every LlamaIndex store: the nodes are those that `select` picks from the store's own vectors."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from corpus import Corpus
from llama_cases import CASES, EVEN, NEITHER, LlamaCase, model_of, read_by_a_model
from llama_index.core import VectorStoreIndex
from llama_index.core.schema import NodeWithScore, TextNode
from llama_index.core.vector_stores import MetadataFilters

from llama_index.retrievers.sift import SIFTRetriever
from llama_index.retrievers.sift.nodes import KEYS
from sift_retrievers import select


def nearest(case: LlamaCase, corpus: Corpus, i: int = 0) -> np.ndarray[Any, Any]:
    """Brute force: all node numbers from the nearest by the store's metric."""
    query, vectors = corpus.query_vector(i), corpus.vectors
    if case.metric == "cosine":
        score = -(vectors @ query) / np.linalg.norm(vectors, axis=1)
    elif case.metric == "ip":
        score = -(vectors @ query)
    else:
        score = ((vectors - query) ** 2).sum(axis=1)
    return np.argsort(score, kind="stable")


def numbers(nodes: list[NodeWithScore]) -> list[int]:
    return [node.node.metadata["number"] for node in nodes]


async def test_same_nodes_as_select_sync_and_async(
    index: VectorStoreIndex, case: LlamaCase, corpus: Corpus
) -> None:
    retriever = SIFTRetriever(index, 6, 20, kernel="cosine", lambda_=0.3)
    for i, query in enumerate(corpus.queries):
        pool = nearest(case, corpus, i)[:20]
        picks = select(corpus.query_vector(i), corpus.vectors[pool], 6, lambda_=0.3)
        expected = pool[picks.indices].tolist()
        assert numbers(retriever.retrieve(query)) == expected
        assert numbers(await retriever.aretrieve(query)) == expected


def test_their_numbers(index: VectorStoreIndex, case: LlamaCase, corpus: Corpus) -> None:
    retriever = SIFTRetriever(index, 5, 60, kernel="cosine", lambda_=0.3)
    found = retriever.retrieve(corpus.queries[0])
    query, uncertainty = corpus.query_vector(), 1.0
    for rank, scored in enumerate(found):
        said = scored.node.metadata
        vector = corpus.vectors[said["number"]]
        cosine = float(vector @ query / np.linalg.norm(vector) / np.linalg.norm(query))
        assert said["rank"] == rank
        assert said["similarity"] == pytest.approx(cosine, abs=1e-6)
        gain = 0.5 * np.log(uncertainty / said["uncertainty"])
        assert said["information_gain"] == pytest.approx(gain, abs=1e-5)
        assert isinstance(said["retrieval_score"], float)
        assert ("unit length" in said.get("vectors", "")) == case.unit
        uncertainty = said["uncertainty"]
    scores = [scored.score or 0.0 for scored in found]
    assert all(a > b for a, b in itertools.pairwise(scores))
    # Of an objective about the answer: the share of σ² that the pick takes.
    assert scores[0] == pytest.approx(1 - found[0].node.metadata["uncertainty"], abs=1e-5)
    assert 0 < scores[-1] < scores[0] <= 1


def test_models_do_not_see_the_numbers(index: VectorStoreIndex, corpus: Corpus) -> None:
    for scored in SIFTRetriever(index).retrieve(corpus.queries[0]):
        number = scored.node.metadata["number"]
        read = read_by_a_model(scored.node)
        assert f"text {number}" in read
        assert "parity" in read
        assert {*scored.node.metadata} - {"number", "parity"} >= {*KEYS} - {"vectors"}
        for key in (*KEYS, "gain", "score"):
            assert key not in read


def test_one_query_embedded_and_no_node(index: VectorStoreIndex, corpus: Corpus) -> None:
    SIFTRetriever(index).retrieve(corpus.queries[0])  # embedding a node would raise: sealed
    assert model_of(index)._queries == [corpus.queries[0]]


def test_nodes_arrive_whole_and_are_copies(
    index: VectorStoreIndex, case: LlamaCase, corpus: Corpus
) -> None:
    stock = index.as_retriever(similarity_top_k=60)
    before = {n.node_id: n.node.model_dump_json() for n in stock.retrieve(corpus.queries[0])}
    held = {key: node.model_dump_json() for key, node in index.docstore.docs.items()}
    retriever = SIFTRetriever(index)
    for scored in retriever.retrieve(corpus.queries[0]):
        node = scored.node
        number = node.metadata["number"]
        assert node.node_id == corpus.ids[number]
        assert node.get_content() == f"text {number}"
        assert node.metadata["parity"] == ("even" if number % 2 == 0 else "odd")
        node.metadata.clear()  # what a later step may do
        node.excluded_llm_metadata_keys.clear()
    after = {n.node_id: n.node.model_dump_json() for n in stock.retrieve(corpus.queries[0])}
    assert after == before
    assert {key: node.model_dump_json() for key, node in index.docstore.docs.items()} == held


FILTERING = [name for name, case in CASES.items() if case.filters]


@pytest.mark.parametrize("store_name", FILTERING)
def test_filters_go_to_the_store_before_the_cut(
    index: VectorStoreIndex, case: LlamaCase, corpus: Corpus
) -> None:
    even = [int(i) for i in nearest(case, corpus) if i % 2 == 0][:10]
    picks = select(corpus.query_vector(), corpus.vectors[even], 4, lambda_=0.3).indices
    retriever = SIFTRetriever(index, 4, 10, kernel="cosine", lambda_=0.3, filters=EVEN)
    found = retriever.retrieve(corpus.queries[0])
    assert numbers(found) == [even[i] for i in picks]


@pytest.mark.parametrize("store_name", FILTERING)
async def test_filters_that_nothing_passes(index: VectorStoreIndex, corpus: Corpus) -> None:
    retriever = SIFTRetriever(index, filters=NEITHER)
    assert retriever.retrieve(corpus.queries[0]) == []
    assert await retriever.aretrieve(corpus.queries[0]) == []


@pytest.mark.parametrize("store_name", [name for name in CASES if name not in FILTERING])
@pytest.mark.parametrize("filters", [EVEN, NEITHER])
def test_a_store_without_filters_refuses_them(
    index: VectorStoreIndex, corpus: Corpus, filters: MetadataFilters
) -> None:
    with pytest.raises(ValueError, match=r"(?i)filters not implemented"):
        SIFTRetriever(index, filters=filters).retrieve(corpus.queries[0])


def test_fewer_nodes_than_asked_for(index: VectorStoreIndex, corpus: Corpus) -> None:
    found = SIFTRetriever(index, 100, 100).retrieve(corpus.queries[0])
    assert sorted(numbers(found)) == list(range(60))


def test_a_bare_store(index: VectorStoreIndex, case: LlamaCase, corpus: Corpus) -> None:
    store = index.vector_store
    if not case.stores_text:
        with pytest.raises(ValueError, match="does not store the nodes' texts: pass the Vector"):
            SIFTRetriever(store, embed_model=model_of(index))
        return
    found = SIFTRetriever(store, embed_model=model_of(index)).retrieve(corpus.queries[0])
    assert numbers(found) == numbers(SIFTRetriever(index).retrieve(corpus.queries[0]))


def test_nodes_added_and_deleted_are_seen_by_the_next_query(
    index: VectorStoreIndex, case: LlamaCase, corpus: Corpus
) -> None:
    retriever = SIFTRetriever(index, 3, relevance="vectors")
    first = retriever.retrieve(corpus.queries[0])[0]
    if case.deletes:
        index.delete_nodes([first.node_id], delete_from_docstore=True)
        assert first.node_id not in [n.node_id for n in retriever.retrieve(corpus.queries[0])]
    model_of(index).sealed = False
    corpus.embeddings.table["newcomer"] = corpus.query_vector()
    index.insert_nodes([TextNode(text="newcomer", metadata={"number": 60, "parity": "even"})])
    model_of(index).sealed = True
    assert retriever.retrieve(corpus.queries[0])[0].node.get_content() == "newcomer"


def test_several_strings_are_several_targets(
    index: VectorStoreIndex, case: LlamaCase, corpus: Corpus
) -> None:
    from llama_index.core.schema import QueryBundle

    pool: list[int] = []
    for column in zip(*(nearest(case, corpus, i)[:12].tolist() for i in (0, 1)), strict=True):
        pool += [j for j in dict.fromkeys(column) if j not in pool]
    targets = np.stack([corpus.query_vector(i) for i in (0, 1)])[None]
    picks = select(targets, corpus.vectors[pool], 5, lambda_=0.3).indices[0]
    bundle = QueryBundle("both", custom_embedding_strs=corpus.queries[:2])
    found = SIFTRetriever(index, 5, 12, kernel="cosine", lambda_=0.3).retrieve(bundle)
    assert numbers(found) == [pool[i] for i in picks]
    assert bundle == QueryBundle("both", custom_embedding_strs=corpus.queries[:2])
