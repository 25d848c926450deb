"""The LlamaIndex contract of `SIFTRetriever`."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import numpy as np
import pytest
from corpus import Corpus
from llama_cases import CASES, TableEmbedding, model_of, nodes_of
from llama_index.core import Settings, StorageContext, VectorStoreIndex
from llama_index.core.schema import IndexNode, NodeWithScore, QueryBundle, TextNode
from llama_index.core.vector_stores import SimpleVectorStore
from llama_index.core.vector_stores.types import (
    BasePydanticVectorStore,
    VectorStoreQuery,
    VectorStoreQueryMode,
    VectorStoreQueryResult,
)

from llama_index.retrievers.sift import SIFTRetriever
from llama_index.retrievers.sift.stores import ADAPTERS, register_adapter
from sift_retrievers import select
from sift_retrievers.retrieval import EmbeddingCache
from sift_retrievers.witnesses import Witnesses


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


class SlowEmbedding(TableEmbedding):
    """As models on this machine are: the asynchronous call works on the loop."""

    def _get_query_embedding(self, query: str) -> list[float]:
        time.sleep(0.1)
        return super()._get_query_embedding(query)


class SlowStore(SimpleVectorStore):
    """As stores with a default `aquery` are."""

    def query(self, query: VectorStoreQuery, **kwargs: Any) -> VectorStoreQueryResult:
        assert threading.current_thread() is not threading.main_thread()
        time.sleep(0.1)
        return super().query(query, **kwargs)


async def test_sixteen_at_once_leave_the_loop_free(corpus: Corpus) -> None:
    context = StorageContext.from_defaults(vector_store=SlowStore())
    index = VectorStoreIndex(
        nodes_of(corpus), storage_context=context, embed_model=SlowEmbedding(corpus)
    )
    quick = VectorStoreIndex(nodes_of(corpus), embed_model=TableEmbedding(corpus))
    want = [ids(SIFTRetriever(quick).retrieve(query)) for query in corpus.queries]
    retriever = SIFTRetriever(index)
    await retriever.aretrieve(corpus.queries[0])  # what is loaded at the first call
    gaps, last = [], time.perf_counter()

    async def heartbeat() -> None:
        nonlocal last
        while True:
            await asyncio.sleep(0.005)
            gaps.append(time.perf_counter() - last)
            last = time.perf_counter()

    pulse = asyncio.create_task(heartbeat())
    await asyncio.sleep(0)
    last = time.perf_counter()
    found = await asyncio.gather(*(retriever.aretrieve(corpus.queries[i % 5]) for i in range(16)))
    pulse.cancel()
    assert [ids(nodes) for nodes in found] == [want[i % 5] for i in range(16)]
    assert len(gaps) > 10
    late = sum(gap > 0.05 for gap in gaps)
    assert late <= 0.05 * len(gaps)  # a busy machine may be late itself now and then


def test_threads_give_the_serial_answers(simple: VectorStoreIndex, corpus: Corpus) -> None:
    from concurrent.futures import ThreadPoolExecutor

    retriever = SIFTRetriever(simple, 5, 30, lambda_=0.3)
    want = [ids(retriever.retrieve(query)) for query in corpus.queries]
    with ThreadPoolExecutor(16) as pool:
        found = [*pool.map(lambda i: ids(retriever.retrieve(corpus.queries[i % 5])), range(400))]
    assert found == [want[i % 5] for i in range(400)]


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


class Foreign(SimpleVectorStore):
    """A store that nobody has an adapter for."""

    broken: bool = False

    def query(self, query: VectorStoreQuery, **kwargs: Any) -> VectorStoreQueryResult:
        if self.broken:
            raise ConnectionError("the server is gone")
        return super().query(query, **kwargs)


@pytest.fixture
def foreign(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> VectorStoreIndex:
    monkeypatch.delitem(ADAPTERS._modules, "llama_index.SimpleVectorStore")
    context = StorageContext.from_defaults(vector_store=Foreign())
    model = TableEmbedding(corpus, embed_batch_size=100)
    return VectorStoreIndex(nodes_of(corpus), storage_context=context, embed_model=model)


def test_a_store_nobody_knows_is_read_by_embedding_again(
    foreign: VectorStoreIndex, simple: VectorStoreIndex, corpus: Corpus
) -> None:
    model = model_of(foreign)
    model._batches.clear()
    retriever = SIFTRetriever(foreign, 5, 20)
    found = retriever.retrieve(corpus.queries[0])
    assert len(model._batches) == 1  # one call for all
    assert len(model._batches[0]) == 20
    assert model._batches[0][0].startswith("number: ")  # text and metadata, as for indexing
    assert found[0].node.metadata["vectors"] == "20 of 20 embedded again"
    retriever.retrieve(corpus.queries[0])
    assert len(model._batches) == 1


def test_an_adapter_of_the_users_own(
    foreign: VectorStoreIndex, simple: VectorStoreIndex, corpus: Corpus
) -> None:
    model_of(foreign).sealed = True

    def read(store: Any, ids: Any) -> dict[str, Any]:
        return {name: store.data.embedding_dict[name] for name in ids}

    found = SIFTRetriever(foreign, adapter=read).retrieve(corpus.queries[0])
    assert "vectors" not in found[0].node.metadata
    given = dict(ADAPTERS._given)
    try:
        register_adapter("Foreign")(read)
        assert ids(SIFTRetriever(foreign).retrieve(corpus.queries[0])) == ids(found)
    finally:
        ADAPTERS._given = given


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


def test_copies_share_nothing_with_the_docstore(corpus: Corpus) -> None:
    from llama_index.core.schema import NodeRelationship, RelatedNodeInfo

    nodes = nodes_of(corpus)
    for node in nodes:
        node.relationships[NodeRelationship.CHILD] = [RelatedNodeInfo(node_id="c")]
        node.relationships[NodeRelationship.SOURCE] = RelatedNodeInfo(node_id="s")
    index = VectorStoreIndex(nodes, embed_model=TableEmbedding(corpus))
    held = {key: node.model_dump_json() for key, node in index.docstore.docs.items()}
    for scored in SIFTRetriever(index).retrieve(corpus.queries[0]):
        related: Any = scored.node.relationships
        related[NodeRelationship.CHILD].append(RelatedNodeInfo(node_id="more"))
        related[NodeRelationship.SOURCE].metadata["spoilt"] = True
    assert {key: node.model_dump_json() for key, node in index.docstore.docs.items()} == held


@pytest.mark.parametrize("store_name", ["Simple", "Milvus", "Chroma", "LanceDB"])
def test_ids_with_quotes(corpus: Corpus, store_name: str) -> None:
    corpus.ids = [f"""o'ne"il {i}""" for i in range(60)]
    index = CASES[store_name].index(corpus)
    assert len(SIFTRetriever(index, 10).retrieve(corpus.queries[0])) == 10


def test_a_store_that_fails_is_named(foreign: VectorStoreIndex, corpus: Corpus) -> None:
    store = foreign.vector_store
    assert isinstance(store, Foreign)
    store.broken = True
    with pytest.raises(ConnectionError, match="the server is gone") as caught:
        SIFTRetriever(foreign).retrieve(corpus.queries[0])
    assert "nearest to a vector of dimension 12 from Foreign" in caught.value.__notes__[0]


def test_an_index_node_leads_on(corpus: Corpus) -> None:
    """Recursive retrieval of the base class: a node that stands for something else."""
    corpus.embeddings.table["summary"] = corpus.query_vector()
    inner = TextNode(text="the detail")
    objects = [IndexNode(text="summary", index_id="i", obj=inner)]
    index = VectorStoreIndex(nodes_of(corpus), embed_model=TableEmbedding(corpus), objects=objects)
    retriever = SIFTRetriever(index, relevance="vectors")
    assert retriever.retrieve(corpus.queries[0])[0].node.get_content() == "the detail"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"similarity_top_k": 0}, "similarity_top_k must be a whole number of at least 1; got 0"),
        ({"fetch_top_k": 3}, "fetch_top_k must be at least similarity_top_k.*fetch_top_k=3"),
        ({"lambda_": 0.0}, r"lambda_ must be positive and finite; got 0\.0"),
        ({"kernel": "euclid"}, "kernel must be one of"),
        ({"objective": "best"}, "objective must be one of .*got 'best'"),
        ({"device": "gpu"}, "device must be one that torch has"),
        ({"stop_alpha": -1.0}, "alpha must be positive and finite"),
        ({"min_gain": 0.0}, "min_gain must be positive and finite"),
        ({"min_novelty": 1.5}, r"min_novelty must be from 0 to 1; got 1\.5"),
        ({"min_chance": -0.1}, r"min_chance must be from 0 to 1; got -0\.1"),
        ({"relevance": "word"}, "relevance must be one of .*got 'word'"),
        ({"relevance": "words", "kernel": "cosine"}, "relevance= goes with kernel='phrases'"),
        (
            {"kernel": "phrases", "objective": "variance"},
            """the kernel 'phrases' has the objective "undirected"; got 'variance'""",
        ),
        ({"title": ["title", 3]}, r"title must be a metadata key.*got \['title', 3\]"),
        ({"max_tokens": 0}, "max_tokens must be a whole number of at least 1"),
        ({"similarity_cutoff": 2.0}, r"between -1 and 1; got 2\.0"),
        ({"vector_store_query_mode": "mmr"}, "SIFT chooses from the nearest nodes itself"),
    ],
)
def test_settings_that_make_no_sense(
    simple: VectorStoreIndex, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=f"(?s){message}"):
        SIFTRetriever(simple, **arguments)


def test_what_is_no_tuner(simple: VectorStoreIndex) -> None:
    pytest.importorskip("peft")
    with pytest.raises(ValueError, match="fine_tune must be a TestTimeTuner; got str"):
        SIFTRetriever(simple, fine_tune="yes")  # type: ignore[arg-type]


def test_a_relevance_that_is_none(simple: VectorStoreIndex) -> None:
    with pytest.raises(TypeError, match=r"a function \(question, texts\) → scores, or.*got int"):
        SIFTRetriever(simple, relevance=5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"finite number of at least 0; got words=-1"):
        SIFTRetriever(simple, relevance=Witnesses(words=-1))


def test_something_that_is_no_index() -> None:
    with pytest.raises(TypeError, match="takes a VectorStoreIndex or a vector store; got list"):
        SIFTRetriever([])  # type: ignore[arg-type]
    assert issubclass(SimpleVectorStore, BasePydanticVectorStore)


@pytest.mark.parametrize(
    ("bundle", "message"),
    [
        (QueryBundle(""), "the query needs a text or an embedding"),
        (QueryBundle("q", custom_embedding_strs=[]), "the query needs a text or an embedding"),
        (QueryBundle("q", embedding=[0.0] * 12), "one finite vector that is not zero"),
        (QueryBundle("q", embedding=[float("nan")] * 12), "one finite vector that is not zero"),
    ],
)
def test_queries_that_ask_for_nothing(
    simple: VectorStoreIndex, bundle: QueryBundle, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        SIFTRetriever(simple).retrieve(bundle)


def test_an_empty_index(corpus: Corpus) -> None:
    index = VectorStoreIndex([], embed_model=TableEmbedding(corpus))
    assert SIFTRetriever(index).retrieve(corpus.queries[0]) == []


def test_the_cache_of_vectors_is_the_users(foreign: VectorStoreIndex, corpus: Corpus) -> None:
    cache = EmbeddingCache(size=5)
    SIFTRetriever(foreign, embedding_cache=cache).retrieve(corpus.queries[0])
    assert len(cache) == 5
