"""The LlamaIndex contract of `SIFTRetriever`."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest
from corpus import Corpus
from llama_cases import TableEmbedding, model_of, nodes_of
from llama_index.core import Settings, StorageContext, VectorStoreIndex
from llama_index.core.schema import IndexNode, NodeWithScore, QueryBundle, TextNode
from llama_index.core.vector_stores import SimpleVectorStore
from llama_index.core.vector_stores.types import (
    VectorStoreQuery,
    VectorStoreQueryMode,
    VectorStoreQueryResult,
)

from llama_index.retrievers.sift import SIFTRetriever
from sift_retrievers import select


def ids(nodes: list[NodeWithScore]) -> list[str]:
    return [node.node_id for node in nodes]


def test_a_bundle_with_its_own_embedding(simple: VectorStoreIndex, corpus: Corpus) -> None:
    retriever = SIFTRetriever(simple)
    want = ids(retriever.retrieve(corpus.queries[2]))
    model_of(simple)._queries.clear()
    bundle = QueryBundle(corpus.queries[2], embedding=corpus.query_vector(2).tolist())
    assert ids(retriever.retrieve(bundle)) == want
    assert model_of(simple)._queries == []
    assert bundle == QueryBundle(corpus.queries[2], embedding=corpus.query_vector(2).tolist())


async def test_the_bundle_is_not_changed(simple: VectorStoreIndex, corpus: Corpus) -> None:
    retriever, bundle = SIFTRetriever(simple), QueryBundle(corpus.queries[0])
    retriever.retrieve(bundle)
    await retriever.aretrieve(bundle)
    assert bundle == QueryBundle(corpus.queries[0])


def test_rules(simple: VectorStoreIndex, corpus: Corpus) -> None:
    order = np.argsort(
        -(corpus.vectors @ corpus.query_vector()) / np.linalg.norm(corpus.vectors, axis=1)
    )

    def expected(k: int, **options: Any) -> list[str]:
        picks = select(corpus.query_vector(), corpus.vectors[order], k, lambda_=0.3, **options)
        return [corpus.ids[order[i]] for i in picks.indices if i >= 0]

    def found(k: int, **rules: Any) -> list[str]:
        built = SIFTRetriever(simple, k, 100, kernel="cosine", lambda_=0.3, **rules)
        return ids(built.retrieve(corpus.queries[0]))

    assert found(20, stop_alpha=0.5) == expected(20, alpha=0.5)
    assert found(20, min_gain=0.02) == expected(20, min_gain=0.02)
    assert 0 < len(found(20, min_gain=0.02)) < 20
    costs = [len(corpus.texts[i]) for i in order]
    assert found(20, max_tokens=60, token_counter=len) == expected(20, costs=costs, budget=60.0)
    parity = [i % 2 for i in order]
    assert found(20, distinct_by="parity") == expected(20, groups=parity)
    assert len(found(20, distinct_by=lambda n: n.node.metadata["parity"])) == 2
    close = SIFTRetriever(simple, 60, 60, similarity_cutoff=0.3).retrieve(corpus.queries[0])
    assert 0 < len(close) < 60
    assert min(node.node.metadata["similarity"] for node in close) >= 0.3


def test_tokens_are_counted_by_the_settings_tokenizer(
    simple: VectorStoreIndex, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    import llama_index.core

    monkeypatch.setattr(llama_index.core, "global_tokenizer", str.split)
    assert Settings.tokenizer is str.split
    found = SIFTRetriever(simple, 20, max_tokens=7).retrieve(corpus.queries[0])
    assert len(found) == 3  # "text 1" has two


def test_no_two_nodes_of_one_source_document(corpus: Corpus) -> None:
    from llama_index.core.schema import NodeRelationship, RelatedNodeInfo

    nodes = nodes_of(corpus)
    for i, node in enumerate(nodes):
        source = RelatedNodeInfo(node_id=f"document {i % 7}")
        node.relationships[NodeRelationship.SOURCE] = source
    index = VectorStoreIndex(nodes, embed_model=TableEmbedding(corpus))
    found = SIFTRetriever(index, 20, distinct_by="ref_doc_id").retrieve(corpus.queries[0])
    assert sorted(str(n.node.ref_doc_id) for n in found) == [f"document {i}" for i in range(7)]


def test_explain(simple: VectorStoreIndex, corpus: Corpus) -> None:
    retriever = SIFTRetriever(simple, 3, 10)
    explained = retriever.explain(corpus.queries[0])
    assert [p.id for p in explained.chosen] == ids(retriever.retrieve(corpus.queries[0]))
    assert len(explained.passages) == 10
    assert set(explained.seconds) == {"embed", "fetch", "select"}
    assert explained.settings["similarity_top_k"] == 3
    assert asyncio.run(retriever.aexplain(corpus.queries[0])).passages == explained.passages
    assert "3 of 10 passages" in str(explained)


def test_arguments_go_to_the_store(corpus: Corpus) -> None:
    asked: list[tuple[VectorStoreQuery, dict[str, Any]]] = []

    class Recording(SimpleVectorStore):
        def query(self, query: VectorStoreQuery, **kwargs: Any) -> VectorStoreQueryResult:
            asked.append((query, kwargs))
            return VectorStoreQueryResult(nodes=[], ids=[], similarities=[])

    context = StorageContext.from_defaults(vector_store=Recording())
    model = TableEmbedding(corpus)
    index = VectorStoreIndex(nodes_of(corpus), storage_context=context, embed_model=model)
    retriever = SIFTRetriever(
        index,
        fetch_top_k=50,
        vector_store_query_mode="hybrid",
        alpha=0.7,
        node_ids=["a"],
        doc_ids=["b"],
        sparse_top_k=5,
        hybrid_top_k=6,
        vector_store_kwargs={"nprobe": 3},
    )
    assert retriever.retrieve(QueryBundle("q", custom_embedding_strs=corpus.queries[:2])) == []
    for (query, kwargs), text in zip(asked, corpus.queries[:2], strict=True):
        assert query.similarity_top_k == 50
        assert query.mode == VectorStoreQueryMode.HYBRID
        assert query.query_str == text
        assert (query.alpha, query.sparse_top_k, query.hybrid_top_k) == (0.7, 5, 6)
        assert (query.node_ids, query.doc_ids) == (["a"], ["b"])
        assert kwargs == {"nprobe": 3}


def test_two_indices_in_one_store(corpus: Corpus) -> None:
    context = StorageContext.from_defaults(vector_store=SimpleVectorStore())
    model = TableEmbedding(corpus)
    nodes = nodes_of(corpus)
    first = VectorStoreIndex(nodes[:30], storage_context=context, embed_model=model)
    second = VectorStoreIndex(nodes[30:], storage_context=context, embed_model=model)
    for index, own in ((first, corpus.ids[:30]), (second, corpus.ids[30:])):
        retriever = SIFTRetriever(index, 60, 60)
        assert sorted(ids(retriever.retrieve(corpus.queries[0]))) == sorted(own)
    retriever = SIFTRetriever(first, 60, 60)
    corpus.embeddings.table["newcomer"] = corpus.query_vector()
    first.insert_nodes([TextNode(text="newcomer")])
    assert len(retriever.retrieve(corpus.queries[0])) == 31


def test_the_callbacks_of_the_index(corpus: Corpus) -> None:
    from llama_index.core.callbacks import CallbackManager, CBEventType, LlamaDebugHandler

    debug = LlamaDebugHandler(print_trace_on_end=False)
    index = VectorStoreIndex(
        nodes_of(corpus),
        embed_model=TableEmbedding(corpus),
        callback_manager=CallbackManager([debug]),
    )
    SIFTRetriever(index).retrieve(corpus.queries[0])
    assert len(debug.get_event_pairs(CBEventType.RETRIEVE)) == 1


def test_more_may_be_asked_for_later(simple: VectorStoreIndex, corpus: Corpus) -> None:
    retriever = SIFTRetriever(simple, 2, 2)
    retriever.fetch_top_k = 40
    retriever.similarity_top_k = 30
    assert len(retriever.retrieve(corpus.queries[0])) == 30


def test_an_index_node_leads_on(corpus: Corpus) -> None:
    """Recursive retrieval of the base class: a node that stands for something else."""
    corpus.embeddings.table["summary"] = corpus.query_vector()
    inner = TextNode(text="the detail")
    objects = [IndexNode(text="summary", index_id="i", obj=inner)]
    index = VectorStoreIndex(nodes_of(corpus), embed_model=TableEmbedding(corpus), objects=objects)
    retriever = SIFTRetriever(index, relevance="vectors")
    assert retriever.retrieve(corpus.queries[0])[0].node.get_content() == "the detail"
