"""Every store: the passages are those that `select` picks from the store's own vectors."""

from __future__ import annotations

import copy
import itertools
import threading
from typing import Any

import numpy as np
import pytest
from langchain_core.documents import Document
from store_builders import BUILDERS, Corpus, faiss, in_memory

from langchain_sift import SIFTRetriever
from langchain_sift.stores import fetch_hits
from sift_retrievers import select


def nearest(store_name: str, corpus: Corpus, i: int) -> np.ndarray[Any, Any]:
    """Brute force: all document numbers from the nearest by the store's metric."""
    query, vectors = corpus.query_vector(i), corpus.vectors
    if store_name in ("InMemory", "Chroma cosine"):
        score = -(vectors @ query) / np.linalg.norm(vectors, axis=1)
    elif "inner product" in store_name:
        score = -(vectors @ query)
    else:
        score = ((vectors - query) ** 2).sum(axis=1)
    return np.argsort(score, kind="stable")


def numbers(documents: list[Document]) -> list[int]:
    return [document.metadata["number"] for document in documents]


def test_same_passages_as_select(store: Any, store_name: str, corpus: Corpus) -> None:
    retriever = SIFTRetriever(store, k=6, fetch_k=20, lambda_=0.3)
    for i, query in enumerate(corpus.queries):
        pool = nearest(store_name, corpus, i)[:20]
        picks = select(corpus.query_vector(i), corpus.vectors[pool], 6, lambda_=0.3)
        assert numbers(retriever.invoke(query)) == pool[picks.indices[0]].tolist()


def test_stored_vectors_come_as_they_are(store: Any, store_name: str, corpus: Corpus) -> None:
    hits = fetch_hits(store, corpus.query_vector(), 20, {})
    assert hits.vectors.dtype == np.float32
    documents = [hits.document(i) for i in range(len(hits))]
    np.testing.assert_allclose(hits.vectors, corpus.vectors[numbers(documents)], rtol=1e-6)
    assert numbers(documents) == nearest(store_name, corpus, 0)[:20].tolist()


def test_numbers_in_the_metadata(store: Any, corpus: Corpus) -> None:
    documents = SIFTRetriever(store, k=5, fetch_k=60, lambda_=0.3).invoke(corpus.queries[0])
    query = corpus.query_vector()
    uncertainty = 1.0
    for rank, document in enumerate(documents):
        numbers_of = document.metadata["sift"]
        assert list(numbers_of) == ["rank", "information_gain", "uncertainty", "similarity"]
        vector = corpus.vectors[document.metadata["number"]]
        cosine = vector @ query / np.linalg.norm(vector) / np.linalg.norm(query)
        assert numbers_of["rank"] == rank
        assert numbers_of["similarity"] == pytest.approx(float(cosine), abs=1e-6)
        assert numbers_of["uncertainty"] <= uncertainty
        gain = 0.5 * np.log(uncertainty / numbers_of["uncertainty"])
        assert numbers_of["information_gain"] == pytest.approx(gain, abs=1e-5)
        assert type(numbers_of["information_gain"]) is float
        uncertainty = numbers_of["uncertainty"]
    scores = [document.metadata["relevance_score"] for document in documents]
    assert all(a > b for a, b in itertools.pairwise(scores))
    assert scores[0] == documents[0].metadata["sift"]["information_gain"]


def test_documents_arrive_whole(store: Any, corpus: Corpus) -> None:
    for document in SIFTRetriever(store, k=5).invoke(corpus.queries[0]):
        number = document.metadata["number"]
        assert document.page_content == f"text {number}"
        assert document.id == f"id-{number}"
        assert document.metadata["parity"] == ("even" if number % 2 == 0 else "odd")


def test_one_query_embedded_and_no_document(store: Any, corpus: Corpus) -> None:
    SIFTRetriever(store).invoke(corpus.queries[0])  # embedding a document would raise: sealed
    assert corpus.embeddings.queries == 1


def test_filters_go_to_the_store_before_the_cut(
    store: Any, store_name: str, even_filter: dict[str, Any], corpus: Corpus
) -> None:
    order = nearest(store_name, corpus, 0)
    even = [int(i) for i in order if i % 2 == 0][:10]
    picks = select(corpus.query_vector(), corpus.vectors[even], 4, lambda_=0.3).indices[0]
    expected = [even[i] for i in picks]
    retriever = SIFTRetriever(store, fetch_k=10, lambda_=0.3, search_kwargs=even_filter)
    assert numbers(retriever.invoke(corpus.queries[0])) == expected
    at_call = SIFTRetriever(store, fetch_k=10, lambda_=0.3).invoke(corpus.queries[0], **even_filter)
    assert numbers(at_call) == expected


def test_fewer_documents_than_k(store: Any, corpus: Corpus) -> None:
    documents = SIFTRetriever(store, k=100, fetch_k=100).invoke(corpus.queries[0])
    assert sorted(numbers(documents)) == list(range(60))


def test_a_filter_that_nothing_passes(store: Any, store_name: str, corpus: Corpus) -> None:
    nothing: Any = {"number": -1}
    if store_name == "InMemory":
        nothing = lambda document: False  # noqa: E731
    retriever = SIFTRetriever(store, search_kwargs={"filter": nothing})
    assert retriever.invoke(corpus.queries[0]) == []


@pytest.mark.parametrize("store_name", BUILDERS)
def test_an_empty_store(store_name: str, corpus: Corpus) -> None:
    corpus.texts, corpus.ids, corpus.metadatas = [], [], []
    retriever = SIFTRetriever(BUILDERS[store_name](corpus))
    assert retriever.invoke(corpus.queries[0]) == []


def test_search_arguments_that_the_store_does_not_take(store: Any, corpus: Corpus) -> None:
    retriever = SIFTRetriever(store, search_kwargs={"filtre": {}})
    with pytest.raises(TypeError, match=r"search_kwargs of .* may hold .*'filter'.*'filtre'"):
        retriever.invoke(corpus.queries[0])


def contents(store: Any, store_name: str) -> str:
    """Everything that the store holds."""
    if store_name == "InMemory":
        return repr(store.store)
    if store_name.startswith("FAISS"):
        held = [document.model_dump() for document in store.docstore._dict.values()]
        vectors = store.index.reconstruct_n(0, store.index.ntotal)
        return repr((held, vectors.tobytes(), store.index_to_docstore_id))
    held = store._collection.get(include=["documents", "metadatas", "embeddings"])
    texts, metadatas = held["documents"], held["metadatas"]
    vectors = [vector.tobytes() for vector in held["embeddings"]]
    fields = [sorted(metadata.items()) for metadata in metadatas]
    return repr(sorted(zip(held["ids"], texts, fields, vectors, strict=True)))


@pytest.mark.parametrize("store_name", ["InMemory", "FAISS", "Chroma"])
def test_a_thousand_queries_leave_the_store_bit_identical(
    store: Any, store_name: str, corpus: Corpus
) -> None:
    before = contents(store, store_name)
    retriever = SIFTRetriever(store, fetch_k=20)
    for i in range(1000):
        for document in retriever.invoke(corpus.queries[i % 5]):
            document.metadata["number"] = "spoilt"  # what a later step of a chain may do
            document.metadata["sift"].clear()
            document.page_content = ""
    assert contents(store, store_name) == before


def test_metadata_that_cannot_be_copied_is_handed_over(corpus: Corpus) -> None:
    lock = threading.Lock()
    corpus.metadatas = [{"lock": lock} for _ in range(60)]
    assert SIFTRetriever(in_memory(corpus)).invoke(corpus.queries[0])[0].metadata["lock"] is lock


@pytest.mark.parametrize("build", [in_memory, faiss])
def test_nested_metadata_is_copied_too(build: Any, corpus: Corpus) -> None:
    corpus.metadatas = [{"number": i, "tags": ["a", {"b": i}]} for i in range(60)]
    expected = copy.deepcopy(corpus.metadatas)
    retriever = SIFTRetriever(build(corpus), k=60)
    for document in retriever.invoke(corpus.queries[0]):
        document.metadata["tags"][1]["b"] = "spoilt"
    for document in retriever.invoke(corpus.queries[0]):
        assert document.metadata["tags"] == expected[document.metadata["number"]]["tags"]


def test_documents_added_and_deleted_are_seen_by_the_next_query(
    store: Any, store_name: str, corpus: Corpus
) -> None:
    if store_name == "FAISS HNSW":
        pytest.skip("faiss cannot remove from an HNSW index")
    retriever = SIFTRetriever(store, k=3)
    first = retriever.invoke(corpus.queries[0])[0]
    store.delete(ids=[first.id])
    assert first.id not in [document.id for document in retriever.invoke(corpus.queries[0])]
    corpus.embeddings.sealed = False
    corpus.embeddings.table["newcomer"] = corpus.query_vector()
    store.add_documents([Document(id="new", page_content="newcomer", metadata={})])
    assert retriever.invoke(corpus.queries[0])[0].page_content == "newcomer"


@pytest.mark.parametrize(
    "index", ["IVF4,Flat", "HNSW32", "PCA8,Flat", "SQ8", "PQ4x4", "NSG16,Flat", "Flat,RFlat"]
)
def test_faiss_finds_the_few_that_a_filter_leaves(index: str) -> None:
    """A graph or a few lists may hold none of them near the query; the filter must not care."""
    corpus = Corpus(count=1500, queries=1)
    store = faiss(corpus, index=index)
    few = {"number": {"$in": list(range(0, 1500, 150))}}
    found = SIFTRetriever(store, k=10, search_kwargs={"filter": few}).invoke(corpus.queries[0])
    assert sorted(numbers(found)) == list(range(0, 1500, 150))


@pytest.mark.parametrize("index", ["IVF4,Flat", "PCA8,IVF4,Flat", "HNSW32", "PCA8,Flat"])
def test_faiss_filters_inside_any_index(index: str, corpus: Corpus) -> None:
    store = faiss(corpus, index=index)
    if "IVF" in index:
        pytest.importorskip("faiss").extract_index_ivf(store.index).nprobe = 4
    retriever = SIFTRetriever(store, k=30, search_kwargs={"filter": {"parity": "even"}})
    found = numbers(retriever.invoke(corpus.queries[0]))
    assert sorted(found) == list(range(0, 60, 2))


def test_faiss_that_normalises(corpus: Corpus) -> None:
    community = pytest.importorskip("langchain_community.vectorstores")
    store = community.FAISS.from_documents(corpus.documents(), corpus.embeddings, normalize_L2=True)
    hits = fetch_hits(store, corpus.query_vector(), 20, {})
    np.testing.assert_allclose(np.linalg.norm(hits.vectors, axis=1), 1, rtol=1e-5)
    exact = nearest("InMemory", corpus, 0)[:20]
    assert numbers([hits.document(i) for i in range(20)]) == exact.tolist()
