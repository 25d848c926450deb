"""What is returned: copies that can be written into stores, with numbers or without."""

from __future__ import annotations

from typing import Any

import pytest
from corpus import Corpus
from llama_cases import CASES, LlamaCase, model_of, nodes_of
from llama_index.core import StorageContext, VectorStoreIndex
from llama_index.core.schema import NodeWithScore

from llama_index.postprocessor.sift import SIFTRerank
from llama_index.retrievers.sift import SIFTRetriever
from llama_index.retrievers.sift.nodes import KEYS


def index_of(case: LlamaCase, corpus: Corpus, nodes: list[Any], model: Any) -> VectorStoreIndex:
    context = StorageContext.from_defaults(vector_store=case.store(corpus))
    return VectorStoreIndex(nodes, storage_context=context, embed_model=model)


@pytest.mark.parametrize("annotate", [True, False])
def test_nodes_can_be_written_into_a_store_of_the_same_kind(
    index: VectorStoreIndex, case: LlamaCase, corpus: Corpus, annotate: bool
) -> None:
    found = SIFTRetriever(index, annotate=annotate).retrieve(corpus.queries[0])
    model = model_of(index)
    model.sealed = False
    other = index_of(case, corpus, [scored.node for scored in found], model)
    model.sealed = True
    again = SIFTRetriever(other, annotate=annotate).retrieve(corpus.queries[0])
    assert {n.node_id for n in again} == {n.node_id for n in found}
    numbers = KEYS if annotate else ()
    expected = {"number", "parity", *numbers} - ({"vectors"} if not case.unit else set())
    assert all({*n.node.metadata} == expected for n in again)


@pytest.mark.parametrize("store_name", [n for n, case in CASES.items() if case.deletes])
@pytest.mark.parametrize("annotate", [True, False])
def test_nodes_can_be_written_into_the_store_that_they_came_from(
    index: VectorStoreIndex, corpus: Corpus, annotate: bool
) -> None:
    found = SIFTRetriever(index, annotate=annotate).retrieve(corpus.queries[0])
    index.delete_nodes([n.node_id for n in found], delete_from_docstore=True)
    model_of(index).sealed = False
    index.insert_nodes([scored.node for scored in found])
    model_of(index).sealed = True
    again = SIFTRetriever(index, annotate=annotate).retrieve(corpus.queries[0])
    assert [n.node_id for n in again] == [n.node_id for n in found]


def test_without_numbers_the_metadata_are_left_alone(
    simple: VectorStoreIndex, corpus: Corpus
) -> None:
    bare = SIFTRetriever(simple, 6, annotate=False).retrieve(corpus.queries[0])
    full = SIFTRetriever(simple, 6).retrieve(corpus.queries[0])
    assert [n.score for n in bare] == [n.score for n in full]
    held = simple.docstore.docs
    assert all(n.node.model_dump() == held[n.node_id].model_dump() for n in bare)
    rerank = SIFTRerank(embed_model=model_of(simple), vector_store=simple.vector_store, top_n=6)
    nodes = [NodeWithScore(node=node) for node in nodes_of(corpus)]
    kept = rerank.with_settings(annotate=False).postprocess_nodes(nodes, query_str="query 0")
    assert [n.node.metadata for n in kept] == [n.node.metadata for n in bare]


def test_numbers_of_an_earlier_query_are_metadata_like_others(
    simple: VectorStoreIndex, corpus: Corpus
) -> None:
    first = SIFTRetriever(simple).retrieve(corpus.queries[1])
    rerank = SIFTRerank(embed_model=model_of(simple), vector_store=simple.vector_store)
    again = rerank.postprocess_nodes(first, query_str=corpus.queries[0])
    assert [n.node.metadata["rank"] for n in again] == [0, 1, 2, 3]
    alone = rerank.with_settings(annotate=False).postprocess_nodes(first, query_str="query 0")
    was = {n.node_id: n.node.metadata for n in first}
    assert {n.node_id: n.node.metadata for n in alone} == was


def test_copies_share_nothing_with_the_docstore(corpus: Corpus) -> None:
    from llama_index.core.schema import NodeRelationship, RelatedNodeInfo

    nodes = nodes_of(corpus)
    for node in nodes:
        node.relationships[NodeRelationship.CHILD] = [RelatedNodeInfo(node_id="c")]
        node.relationships[NodeRelationship.SOURCE] = RelatedNodeInfo(node_id="s")
    model = model_of(CASES["Simple"].index(corpus))
    model.sealed = False
    index = VectorStoreIndex(nodes, embed_model=model)
    held = {key: node.model_dump_json() for key, node in index.docstore.docs.items()}
    for annotate in (True, False):
        for scored in SIFTRetriever(index, annotate=annotate).retrieve(corpus.queries[0]):
            related: Any = scored.node.relationships
            related[NodeRelationship.CHILD].append(RelatedNodeInfo(node_id="more"))
            related[NodeRelationship.SOURCE].metadata["spoilt"] = True
            scored.node.metadata["spoilt"] = True
    assert {key: node.model_dump_json() for key, node in index.docstore.docs.items()} == held
