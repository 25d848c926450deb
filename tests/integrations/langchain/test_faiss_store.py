"""FAISS: filters inside any index, and indexes that do not keep vectors as they were."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from corpus import Corpus
from langchain_core.documents import Document
from reading import hits_in
from store_cases import faiss

from langchain_sift import SIFTRetriever


def numbers(documents: list[Document]) -> list[Any]:
    return [document.metadata["number"] for document in documents]


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
    hits = hits_in(store, corpus.query_vector())
    np.testing.assert_allclose(np.linalg.norm(hits.vectors, axis=1), 1, rtol=1e-5)
    assert hits.note == "scaled to unit length by normalize_L2"
    cosines = -(corpus.vectors @ corpus.query_vector()) / np.linalg.norm(corpus.vectors, axis=1)
    assert numbers([hits.document(i) for i in range(20)]) == np.argsort(cosines)[:20].tolist()


@pytest.mark.parametrize(
    ("index", "note"),
    [("Flat", None), ("HNSW32", None), ("SQ8", "IndexScalarQuantizer"), ("PQ4x4", "IndexPQ")],
)
def test_a_lossy_index_is_noted(index: str, note: str | None, corpus: Corpus) -> None:
    document = SIFTRetriever(faiss(corpus, index=index)).invoke(corpus.queries[0])[0]
    said = document.metadata["sift"].get("vectors")
    assert said == (note and f"as the {note} reconstructs them")
