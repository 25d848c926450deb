"""Every store: the passages are those that `select` picks from the store's own vectors."""

from __future__ import annotations

import copy
import itertools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias
from uuid import uuid4

import numpy as np
import pytest
from corpus import Corpus
from langchain_core.documents import Document
from store_cases import CASES, FILTERING, GROWING, StoreCase, faiss, in_memory, of_make_test

from langchain_sift import SIFTRetriever
from sift_retrievers import select

Build: TypeAlias = Callable[..., SIFTRetriever]
# One set-up of each store.
MAIN_CASES = [name for name in CASES if " " not in name]


def nearest(case: StoreCase, corpus: Corpus, i: int = 0) -> np.ndarray[Any, Any]:
    """Brute force: all document numbers from the nearest by the store's metric."""
    query, vectors = corpus.query_vector(i), corpus.vectors
    if case.metric == "cosine":
        score = -(vectors @ query) / np.linalg.norm(vectors, axis=1)
    elif case.metric == "ip":
        score = -(vectors @ query)
    else:
        score = ((vectors - query) ** 2).sum(axis=1)
    return np.argsort(score, kind="stable")


def numbers(documents: list[Document]) -> list[int]:
    return [document.metadata["number"] for document in documents]


def test_same_passages_as_select(retriever: Build, case: StoreCase, corpus: Corpus) -> None:
    built = retriever(k=6, fetch_k=20, kernel="cosine", lambda_=0.3)
    for i, query in enumerate(corpus.queries):
        pool = nearest(case, corpus, i)[:20]
        picks = select(corpus.query_vector(i), corpus.vectors[pool], 6, lambda_=0.3)
        assert numbers(built.invoke(query)) == pool[picks.indices].tolist()


def test_numbers_in_the_metadata(retriever: Build, case: StoreCase, corpus: Corpus) -> None:
    built = retriever(k=5, fetch_k=60, kernel="cosine", lambda_=0.3)
    documents = built.invoke(corpus.queries[0])
    query = corpus.query_vector()
    uncertainty = 1.0
    for rank, document in enumerate(documents):
        found = document.metadata["sift"]
        keys = ["rank", "information_gain", "novelty", "uncertainty", "similarity"]
        keys += ["evidence_chance", "evidence_probably_missing"]
        assert list(found) == keys + ["vectors"] * case.unit
        vector = corpus.vectors[document.metadata["number"]]
        cosine = vector @ query / np.linalg.norm(vector) / np.linalg.norm(query)
        assert found["rank"] == rank
        assert found["similarity"] == pytest.approx(float(cosine), abs=1e-6)
        assert found["uncertainty"] <= uncertainty
        gain = 0.5 * np.log(uncertainty / found["uncertainty"])
        assert found["information_gain"] == pytest.approx(gain, abs=1e-5)
        assert type(found["information_gain"]) is float
        uncertainty = found["uncertainty"]
    scores = [document.metadata["relevance_score"] for document in documents]
    assert all(a > b for a, b in itertools.pairwise(scores))
    gain = documents[0].metadata["sift"]["information_gain"]
    assert scores[0] == pytest.approx(1 - np.exp(-2 * gain))  # the share of σ² that it takes
    assert 0 <= scores[-1] < scores[0] <= 1


def test_documents_arrive_whole(
    retriever: Build, store: Any, case: StoreCase, corpus: Corpus
) -> None:
    theirs = {d.metadata["number"]: d for d in all_documents(store, corpus)}
    for document in retriever(k=5).invoke(corpus.queries[0]):
        number = document.metadata["number"]
        assert document.page_content == f"text {number}"
        assert document.id == corpus.ids[number] if case.given_ids else document.id
        own = {**document.metadata}
        assert own.pop("sift")
        assert own.pop("relevance_score")
        computed = {key for key in theirs[number].metadata if key.startswith("_similarity")}
        assert own == {k: v for k, v in theirs[number].metadata.items() if k not in computed}
        assert document.metadata["parity"] == ("even" if number % 2 == 0 else "odd")


def all_documents(store: Any, corpus: Corpus) -> list[Document]:
    """What the store's own search returns."""
    found: list[Document] = store.similarity_search(corpus.queries[0], k=60)
    return found


def test_one_query_embedded_and_no_document(retriever: Build, corpus: Corpus) -> None:
    built = retriever()
    built.invoke(corpus.queries[0])  # embedding a document would raise: sealed
    assert corpus.embeddings.queried == 1


@pytest.mark.parametrize("store_name", of_make_test(FILTERING))
def test_filters_go_to_the_store_before_the_cut(
    retriever: Build, case: StoreCase, even_filter: dict[str, Any], corpus: Corpus
) -> None:
    even = [int(i) for i in nearest(case, corpus) if i % 2 == 0][:10]
    picks = select(corpus.query_vector(), corpus.vectors[even], 4, lambda_=0.3).indices
    expected = [even[i] for i in picks]
    rule: dict[str, Any] = {"fetch_k": 10, "kernel": "cosine", "lambda_": 0.3}
    built = retriever(search_kwargs=even_filter, **rule)
    assert numbers(built.invoke(corpus.queries[0])) == expected
    at_call = retriever(**rule).invoke(corpus.queries[0], **even_filter)
    assert numbers(at_call) == expected


def test_nothing_chosen(retriever: Build, corpus: Corpus) -> None:
    assert retriever(min_gain=100.0).invoke(corpus.queries[0]) == []
    assert retriever(score_threshold=1.0).invoke(corpus.queries[0]) == []


def test_targets_of_which_one_gives_nothing_new(retriever: Build, corpus: Corpus) -> None:
    targets = [corpus.queries[0]] * 2
    assert len(retriever(k=1).invoke("", targets=targets)) == 1
    assert numbers(retriever().invoke("", targets=targets)) == numbers(
        retriever().invoke(corpus.queries[0])
    )


def test_a_query_of_another_dimension(retriever: Build, corpus: Corpus) -> None:
    corpus.embeddings.table["short"] = np.ones(5, dtype=np.float32)
    built = retriever()
    # Our own words where the store has none; most stores' messages name both sizes too.
    with pytest.raises(Exception, match=r"(?s)(12.*5|5.*12|dimension)"):
        built.invoke("short")
    assert len(built.invoke(corpus.queries[0])) == 4


def test_documents_added_and_deleted_are_seen_by_the_next_query(
    retriever: Build, store: Any, case: StoreCase, corpus: Corpus
) -> None:
    built = retriever(k=3, relevance="vectors")
    first = built.invoke(corpus.queries[0])[0]
    if case.delete is not None:
        case.delete(store, first.id)
        after = built.invoke(corpus.queries[0])
        assert first.metadata["number"] not in numbers(after)
    if case.grows:
        corpus.embeddings.sealed = False
        corpus.embeddings.table["newcomer"] = corpus.query_vector()
        store.add_texts(["newcomer"], [{"number": 60, "parity": "even"}], **new_id(store, case))
        corpus.embeddings.sealed = True
        assert built.invoke(corpus.queries[0])[0].page_content == "newcomer"


@pytest.mark.parametrize("store_name", of_make_test(GROWING))
def test_a_document_without_text(
    retriever: Build, store: Any, case: StoreCase, corpus: Corpus
) -> None:
    corpus.embeddings.sealed = False
    corpus.embeddings.table[""] = corpus.query_vector()
    store.add_texts([""], [{"number": 60, "parity": "even"}], **new_id(store, case))
    corpus.embeddings.sealed = True
    first = retriever(relevance="vectors").invoke(corpus.queries[0])[0]
    assert first.page_content == ""
    assert len(retriever().invoke(corpus.queries[0])) == 4  # words and all
    assert first.metadata["number"] == 60


def new_id(store: Any, case: StoreCase) -> dict[str, Any]:
    return {"ids": [str(uuid4())]} if case.given_ids else {}


@pytest.mark.parametrize("store_name", MAIN_CASES)
def test_many_threads_give_the_serial_answers(
    retriever: Build, store_name: str, corpus: Corpus
) -> None:
    built = retriever(k=3, fetch_k=20, lambda_=0.3)
    serial = [numbers(built.invoke(query)) for query in corpus.queries]

    def ask(i: int) -> bool:
        return numbers(built.invoke(corpus.queries[i % 5])) == serial[i % 5]

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(ask, range(8000 if store_name == "FAISS" else 500)))


def contents(store: Any, store_name: str) -> str:
    """Everything that the store holds."""
    if store_name == "InMemory":
        return repr(store.store)
    if store_name == "Qdrant L2":  # with cosine, local mode divides by the norm at every search
        points = store.client.scroll("test", limit=100, with_vectors=True)[0]
        return repr([point.model_dump() for point in points])
    if store_name == "PGVectorStore":
        rows = store.similarity_search("query 0", k=100)
        return repr([row.model_dump() for row in rows])
    if store_name.startswith("FAISS"):
        held = [document.model_dump() for document in store.docstore._dict.values()]
        vectors = store.index.reconstruct_n(0, store.index.ntotal)
        return repr((held, vectors.tobytes(), store.index_to_docstore_id))
    held = store._collection.get(include=["documents", "metadatas", "embeddings"])
    texts, metadatas = held["documents"], held["metadatas"]
    vectors = [vector.tobytes() for vector in held["embeddings"]]
    fields = [sorted(metadata.items()) for metadata in metadatas]
    return repr(sorted(zip(held["ids"], texts, fields, vectors, strict=True)))


@pytest.mark.parametrize(
    "store_name", ["InMemory", "FAISS", "Chroma", "Qdrant L2", "PGVectorStore"]
)
def test_a_thousand_queries_leave_the_store_bit_identical(
    retriever: Build, store: Any, store_name: str, corpus: Corpus
) -> None:
    before = contents(store, store_name)
    built = retriever(fetch_k=20)
    for i in range(1000):
        for document in built.invoke(corpus.queries[i % 5]):
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
