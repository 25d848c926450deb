"""Faults of LlamaIndex's own MMR, shown against it, and that SIFT does not have them.

Both by the vectors alone: MMR hears no words.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from corpus import Corpus, TableEmbeddings
from llama_cases import TableEmbedding, model_of
from llama_index.core import StorageContext, VectorStoreIndex
from llama_index.core.schema import TextNode

from llama_index.retrievers.sift import SIFTRetriever

# A question with three parts, a fact for each of them, and one of the facts twice.
VECTORS = {
    "query": [0.65, 0.55, 0.52],
    "fact A": [1.0, 0.0, 0.0],
    "fact A again": [0.9999, 0.0, 0.01],
    "fact B": [0.0, 1.0, 0.0],
    "fact C": [0.0, 0.0, 1.0],
}


def index_over(store: Any = None) -> VectorStoreIndex:
    corpus = Corpus(count=8, dim=3)
    corpus.embeddings = TableEmbeddings({k: np.float32(v) for k, v in VECTORS.items()})
    context = None if store is None else StorageContext.from_defaults(vector_store=store)
    nodes = [TextNode(text=text, id_=text) for text in VECTORS if text != "query"]
    return VectorStoreIndex(
        nodes, storage_context=context, embed_model=TableEmbedding(corpus, embed_batch_size=9)
    )


def found(retriever: Any) -> list[str]:
    return [node.node.get_content() for node in retriever.retrieve("query")]


def test_mmr_looks_at_the_last_pick_alone_and_takes_a_copy_of_the_first() -> None:
    index = index_over()
    mmr = index.as_retriever(similarity_top_k=3, vector_store_query_mode="mmr")
    one_of_the_two, other, copy = found(mmr)
    assert {one_of_the_two, copy} == {"fact A", "fact A again"}
    assert other == "fact B"
    chosen = found(SIFTRetriever(index, 3, 4, relevance="vectors", lambda_=0.01))
    assert {text.removesuffix(" again") for text in chosen} == {"fact A", "fact B", "fact C"}


@pytest.mark.parametrize("threshold", [0.1, 0.3, 0.7])
def test_no_threshold_of_mmr_avoids_it(threshold: float) -> None:
    index = index_over()
    mmr = index.as_retriever(
        similarity_top_k=4,
        vector_store_query_mode="mmr",
        vector_store_kwargs={"mmr_threshold": threshold},
    )
    assert found(mmr)[2] in ("fact A", "fact A again")
    sift = found(SIFTRetriever(index, 4, 4, relevance="vectors", lambda_=0.01))
    assert sift[3] in ("fact A", "fact A again")


def test_faiss_ignores_the_mode_mmr_and_returns_the_copy() -> None:
    faiss = pytest.importorskip("faiss")
    stores = pytest.importorskip("llama_index.vector_stores.faiss")
    index = index_over(stores.FaissVectorStore(faiss.IndexFlatIP(3)))
    plain = found(index.as_retriever(similarity_top_k=2))
    mmr = found(index.as_retriever(similarity_top_k=2, vector_store_query_mode="mmr"))
    assert mmr == plain
    assert {*plain} == {"fact A", "fact A again"}
    assert "fact B" in found(SIFTRetriever(index, 2, 4, relevance="vectors", lambda_=0.01))
    assert model_of(index).model_name == "table"
