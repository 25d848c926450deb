"""A retriever that is sent to another process by pickle finds the same there."""

from __future__ import annotations

import pickle

import pytest
from server_packages import skip_without_packages
from server_spawning import in_spawned
from server_stores import RETRIEVERS, in_memory, retrievals

from langchain_sift import SIFTCompressor, SIFTRetriever


@pytest.mark.parametrize("name", ["InMemory", "FAISS"])
def test_a_spawned_worker_gets_a_retriever(road: str, name: str) -> None:
    skip_without_packages(name)
    retriever = RETRIEVERS[name]()
    expected = retrievals(retriever)
    assert in_spawned(road, retrievals, retriever) == expected


@pytest.mark.usefixtures("road")
def test_settings_of_a_retriever_and_a_compressor() -> None:
    retriever = SIFTRetriever(
        in_memory(), k=3, fetch_k=50, lambda_=0.4, min_gain=0.01, min_novelty=0.1
    )
    copy = pickle.loads(pickle.dumps(retriever))
    assert {name: getattr(copy, name) for name in ("k", "fetch_k", "lambda_", "min_gain")} == {
        "k": 3,
        "fetch_k": 50,
        "lambda_": 0.4,
        "min_gain": 0.01,
    }
    assert retrievals(copy) == retrievals(retriever)
    compressor = SIFTCompressor(embedding=retriever.vectorstore.embeddings, k=3)
    assert pickle.loads(pickle.dumps(compressor)).k == 3
