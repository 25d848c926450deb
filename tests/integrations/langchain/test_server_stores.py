"""Stores that need a server: the store and its client are real, the server is a stand-in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from importlib import import_module
from typing import Any, TypeAlias

import numpy as np
import pytest
from corpus import Corpus
from fake_http import FakeServer
from langchain_core.documents import Document
from server_cases import (
    CASES,
    EVEN,
    ServerCase,
    elasticsearch,
    mongodb,
    opensearch,
    pinecone,
    redis,
    started,
    weaviate,
)

from langchain_sift import SIFTRetriever
from langchain_sift.stores import Hits, reader_of
from sift_retrievers import select

pytestmark = pytest.mark.filterwarnings("ignore:.*langchain-community.*:DeprecationWarning")
Build: TypeAlias = Callable[..., SIFTRetriever]


@pytest.fixture
def closing() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


# One set-up of each store runs in `make test`, the others in `make test-slow`.
SETUPS = [pytest.param(n, marks=[pytest.mark.slow] if " " in n else []) for n in CASES]


@pytest.fixture(params=SETUPS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def case(name: str) -> ServerCase:
    return CASES[name]


@pytest.fixture
def running(case: ServerCase, corpus: Corpus, closing: ExitStack) -> tuple[Any, FakeServer]:
    return started(case, corpus, closing)


@pytest.fixture
def store(running: tuple[Any, FakeServer]) -> Any:
    return running[0]


@pytest.fixture
def server(running: tuple[Any, FakeServer]) -> FakeServer:
    return running[1]


@pytest.fixture
def retriever(store: Any, case: ServerCase) -> Build:
    rule: dict[str, Any] = {"k": 6, "fetch_k": 20, "kernel": "cosine", "lambda_": 0.3}
    return lambda **settings: SIFTRetriever(
        store, **{**rule, "search_kwargs": case.always, **settings}
    )


def found(store: Any, corpus: Corpus, fetch_k: int, **search_kwargs: Any) -> Hits[Document]:
    """The hits of the first query."""
    return reader_of(store).search(corpus.query_vector(), fetch_k, **search_kwargs)


def nearest(corpus: Corpus, metric: str, i: int = 0) -> list[int]:
    """Brute force: all document numbers from the nearest."""
    query, vectors = corpus.query_vector(i), corpus.vectors
    if metric == "cosine":
        score = -(vectors @ query) / np.linalg.norm(vectors, axis=1)
    elif metric == "ip":
        score = -(vectors @ query)
    else:
        score = ((vectors - query) ** 2).sum(axis=1)
    return [int(number) for number in np.argsort(score, kind="stable")]


def chosen(corpus: Corpus, pool: list[int], i: int = 0, k: int = 6) -> list[int]:
    picks = select(corpus.query_vector(i), corpus.vectors[pool], k, lambda_=0.3).indices
    return [pool[pick] for pick in picks.tolist()]


def numbers(documents: list[Document]) -> list[int]:
    return [int(document.metadata["number"]) for document in documents]


def test_same_passages_as_select(
    retriever: Build, name: str, case: ServerCase, corpus: Corpus
) -> None:
    built = retriever()
    if name == "Redis 16 bits":  # with the numbers that are left
        corpus.vectors = rounded(corpus.vectors)
    for i, query in enumerate(corpus.queries):
        pool = nearest(corpus, case.metric, i)[:20]
        assert numbers(built.invoke(query)) == chosen(corpus, pool, i)


def rounded(vectors: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    kind = pytest.importorskip("ml_dtypes").bfloat16
    return vectors.astype(kind).astype(np.float32)


async def test_asynchronous_calls_too(retriever: Build, case: ServerCase, corpus: Corpus) -> None:
    built = retriever()
    assert numbers(await built.ainvoke(corpus.queries[1])) == numbers(
        built.invoke(corpus.queries[1])
    )


def test_documents_arrive_whole(
    retriever: Build, store: Any, case: ServerCase, corpus: Corpus
) -> None:
    theirs = {}
    if case.searches_itself:
        own_hits = store.similarity_search(corpus.queries[0], k=50, **case.always)
        theirs = {int(document.metadata["number"]): document for document in own_hits}
        assert len(theirs) == 50
    for document in retriever().invoke(corpus.queries[0]):
        number = int(document.metadata["number"])
        assert document.id == corpus.ids[number]
        assert document.page_content == f"text {number}"
        own = {**document.metadata}
        assert own.pop("sift")
        assert own.pop("relevance_score")
        assert own | corpus.metadatas[number] == own
        assert not any(isinstance(value, list | bytes) for value in own.values())
        if number in theirs:
            assert own == theirs[number].metadata


def test_one_query_embedded_and_no_document(retriever: Build, corpus: Corpus) -> None:
    built = retriever()
    before = corpus.embeddings.queried
    built.invoke(corpus.queries[0])  # embedding a document would raise: sealed
    assert corpus.embeddings.queried == before + 1


# Where the server filters what is left of its cut, a second search goes deeper.
SEARCHED_AGAIN = ("OpenSearch", "OpenSearch boolean filter")


def test_filters_reach_the_server_before_the_cut(
    retriever: Build, server: FakeServer, name: str, case: ServerCase, corpus: Corpus
) -> None:
    built = retriever(k=4, fetch_k=10)
    built.invoke(corpus.queries[0])
    assert len(server.searches) == 1
    assert not case.filter_of(server.searches[-1])
    even = [i for i in nearest(corpus, case.metric) if i % 2 == 0][:10]
    passing = numbers(built.invoke(corpus.queries[0], **case.filtered("even")))
    assert passing == chosen(corpus, even, k=4)
    assert all(case.filter_of(search) for search in server.searches[1:])
    assert len(server.searches) == (3 if name in SEARCHED_AGAIN else 2)


def test_errors_are_the_clients_own(
    retriever: Build, server: FakeServer, store: Any, case: ServerCase, corpus: Corpus
) -> None:
    module, _, kind = case.error.rpartition(".")
    server.failing = True
    with pytest.raises(getattr(import_module(module), kind)) as caught:
        retriever().invoke(corpus.queries[0])
    assert f"from {type(store).__name__}" in caught.value.__notes__[0]


def test_hits_without_vectors_are_named(
    retriever: Build, server: FakeServer, case: ServerCase, corpus: Corpus
) -> None:
    bare = [corpus.ids[number] for number in nearest(corpus, case.metric)[3:5]]
    server.bare = {*bare}
    with pytest.raises(ValueError, match="2 of 20 hits came without a vector") as caught:
        retriever().invoke(corpus.queries[0])
    assert str(bare) in str(caught.value)


@pytest.mark.parametrize(
    "name", ["Elasticsearch", "OpenSearch", "Pinecone", "MongoDB", "Redis", "Weaviate"]
)
def test_many_threads_give_the_serial_answers(retriever: Build, name: str, corpus: Corpus) -> None:
    built = retriever(k=3)
    serial = [numbers(built.invoke(query)) for query in corpus.queries]

    def ask(i: int) -> bool:
        return numbers(built.invoke(corpus.queries[i % 5])) == serial[i % 5]

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(100)))


def test_elasticsearch_is_asked_for_enough_candidates(corpus: Corpus, closing: ExitStack) -> None:
    pytest.importorskip("langchain_elasticsearch")
    store, server = elasticsearch(corpus, closing)
    for fetch_k, candidates in [(20, 50), (60, 60)]:
        found(store, corpus, fetch_k)
        assert server.searches[-1]["knn"]["num_candidates"] == candidates
        assert server.searches[-1]["fields"] == ["vector"]


def test_elasticsearch_custom_query_and_doc_builder(corpus: Corpus, closing: ExitStack) -> None:
    pytest.importorskip("langchain_elasticsearch")
    store, server = elasticsearch(corpus, closing)

    def narrowed(body: dict[str, Any], text: str | None) -> dict[str, Any]:
        assert text is None
        return {"knn": body["knn"] | {"filter": [EVEN]}, "fields": ["text"]}

    def built(hit: dict[str, Any]) -> Document:
        return Document(page_content=hit["fields"]["text"][0], metadata={"score": hit["_score"]})

    given = {"custom_query": narrowed, "doc_builder": built}
    documents = SIFTRetriever(store, search_kwargs=given).invoke(corpus.queries[0])
    for document in documents:
        number = corpus.texts.index(document.page_content)
        assert number % 2 == 0
        assert document.id == corpus.ids[number]
        assert document.metadata["score"] > -1
    assert server.searches[-1]["fields"] == ["text", "vector"]


@pytest.mark.parametrize("strategy", ["BM25Strategy", "SparseVectorStrategy"])
def test_elasticsearch_without_dense_vectors_is_refused(
    strategy: str, corpus: Corpus, closing: ExitStack
) -> None:
    package = pytest.importorskip("langchain_elasticsearch")
    dense, server = elasticsearch(corpus, closing)
    other = package.ElasticsearchStore(
        "test",
        embedding=corpus.embeddings,
        client=dense.client,
        strategy=getattr(package, strategy)(),
    )
    with pytest.raises(TypeError, match=f"{strategy}, which has no dense vectors"):
        SIFTRetriever(other).invoke(corpus.queries[0])
    assert server.searches == []


def test_opensearch_whole_source_as_metadata(corpus: Corpus, closing: ExitStack) -> None:
    pytest.importorskip("opensearchpy")
    store, _ = opensearch(corpus, closing)
    hits = found(store, corpus, 1, metadata_field="*")
    assert {*hits.document(0).metadata} == {"text", "metadata"}  # and not the vector


def test_opensearch_hybrid_search_is_refused(corpus: Corpus, closing: ExitStack) -> None:
    pytest.importorskip("opensearchpy")
    store, _ = opensearch(corpus, closing)
    with pytest.raises(TypeError, match="hybrid_search"):
        found(store, corpus, 4, search_type="hybrid_search")


def test_pinecone_namespaces_and_records_without_text(corpus: Corpus, closing: ExitStack) -> None:
    pytest.importorskip("langchain_pinecone")
    store, server = pinecone(corpus, closing)
    retriever = SIFTRetriever(store)
    assert retriever.invoke(corpus.queries[0], namespace="elsewhere") == []
    assert retriever.invoke(corpus.queries[0])
    assert [search["namespace"] for search in server.searches] == ["elsewhere", "passages"]
    foreign = nearest(corpus, "cosine")[0]
    del server.namespaces["passages"][corpus.ids[foreign]]["metadata"]["text"]
    assert len(found(store, corpus, 20)) == 19


@pytest.mark.parametrize(("kind", "note"), [("FLOAT32", None), ("INT8", "stored as int8")])
def test_mongodb_vectors_packed_as_bson(
    kind: str, note: str | None, corpus: Corpus, closing: ExitStack
) -> None:
    pytest.importorskip("langchain_mongodb")
    bson = import_module("bson.binary")
    if kind == "INT8":
        corpus.vectors = np.rint(corpus.vectors * 30).clip(-127, 127).astype(np.float32)
    store, server = mongodb(corpus, closing)
    numbers_of = (lambda row: row.tolist()) if kind == "FLOAT32" else lambda row: row.astype(int)
    for name, vector in zip(corpus.ids, corpus.vectors, strict=True):
        packed = bson.Binary.from_vector([*numbers_of(vector)], bson.BinaryVectorDtype[kind])
        server.documents[name]["embedding"] = packed
    hits = found(store, corpus, 20)
    np.testing.assert_array_equal(hits.vectors, corpus.vectors[nearest(corpus, "cosine")[:20]])
    assert hits.note == note
    assert {*hits.document(0).metadata} == {"_id", "number", "parity"}


def test_mongodb_oversampling_and_later_stages(corpus: Corpus, closing: ExitStack) -> None:
    pytest.importorskip("langchain_mongodb")
    store, server = mongodb(corpus, closing)
    later = [{"$match": {"parity": {"$eq": "odd"}}}]
    given = {"oversampling_factor": 3, "post_filter_pipeline": later}
    hits = found(store, corpus, 20, **given)
    odd = [i for i in nearest(corpus, "cosine")[:20] if i % 2 == 1]
    assert numbers([hits.document(i) for i in range(len(hits))]) == odd
    assert server.searches[-1][0]["$vectorSearch"]["numCandidates"] == 60


def test_mongodb_that_embeds_by_itself_is_refused(corpus: Corpus, closing: ExitStack) -> None:
    package = pytest.importorskip("langchain_mongodb")
    store, _ = mongodb(corpus, closing)
    automatic = package.MongoDBAtlasVectorSearch(
        store.collection,
        "voyage-4",
        embedding_key=None,
        relevance_score_fn=None,
        auto_create_index=False,
    )
    with pytest.raises(TypeError, match="keeps no vectors"):
        SIFTRetriever(automatic, embedding=corpus.embeddings).invoke(corpus.queries[0])


def test_redis_threshold_and_metadata(corpus: Corpus, closing: ExitStack) -> None:
    pytest.importorskip("langchain_redis")
    store, _ = redis(corpus, closing)
    query = corpus.query_vector()
    given = {"distance_threshold": 0.6, "return_metadata": False}
    hits = found(store, corpus, 60, **given)
    cosines = corpus.vectors @ query / np.linalg.norm(corpus.vectors, axis=1)
    close = cosines >= 0.4 * np.linalg.norm(query)
    assert 1 < len(hits) == close.sum() < 60
    assert hits.document(0).metadata == {}
    assert hits.document(0).page_content == f"text {nearest(corpus, 'cosine')[0]}"


def test_weaviate_tenants_and_properties(corpus: Corpus, closing: ExitStack) -> None:
    pytest.importorskip("langchain_weaviate")
    store, server = weaviate(corpus, closing, tenant="somebody")
    with pytest.raises(ValueError, match="Must use tenant context"):
        SIFTRetriever(store).invoke(corpus.queries[0])
    given = {"tenant": "somebody", "return_properties": ["parity"]}
    hits = found(store, corpus, 20, **given)
    assert server.searches[-1].tenant == "somebody"
    assert server.searches[-1].HasField("near_vector")
    assert {*hits.document(0).metadata} == {"parity"}
    assert hits.document(0).page_content == f"text {nearest(corpus, 'cosine')[0]}"
