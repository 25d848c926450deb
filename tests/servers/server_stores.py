"""Retrievals as a server makes them, by an embedding that is the same in every process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import InMemoryVectorStore

from langchain_sift import SIFTRetriever

QUERIES = 8
TOPICS = ("rivers", "glaciers", "harbours", "bridges", "islands", "deserts", "forests")


class HashedWords(Embeddings):
    """A vector of every text, from its words alone; the same in every process."""

    dim = 96

    def embed_query(self, text: str) -> list[float]:
        vector = np.zeros(self.dim)
        for word in text.lower().split():
            seed = int.from_bytes(word.encode(), "big") % 2**32
            vector += np.random.default_rng(seed).normal(size=self.dim)
        found: list[float] = (vector / np.linalg.norm(vector)).tolist()
        return found

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.embed_query(text) for text in texts]


def documents() -> list[Document]:
    return [
        Document(
            id=f"00000000-0000-4000-8000-{n:012d}",
            page_content=f"Passage {n} of book {n % 5} tells of {TOPICS[n % 7]} and "
            f"{TOPICS[n % 3]}, of the year {1900 + n % 11} and of nothing else.",
        )
        for n in range(120)
    ]


def in_memory() -> InMemoryVectorStore:
    return InMemoryVectorStore.from_documents(documents(), HashedWords())


def faiss() -> Any:
    from langchain_community.vectorstores import FAISS

    given = documents()
    return FAISS.from_documents(given, HashedWords(), ids=[one.id for one in given])


def llama_index() -> Any:
    """An index in memory."""
    from llama_index.core import VectorStoreIndex
    from llama_index.core.embeddings import MockEmbedding
    from llama_index.core.schema import TextNode

    class HashedEmbedding(MockEmbedding):
        def _get_text_embedding(self, text: str) -> list[float]:
            return HashedWords().embed_query(text)

        def _get_query_embedding(self, query: str) -> list[float]:
            return HashedWords().embed_query(query)

    nodes = [TextNode(id_=one.id, text=one.page_content) for one in documents()]
    return VectorStoreIndex(nodes, embed_model=HashedEmbedding(embed_dim=HashedWords.dim))


def of_llama_index() -> Any:
    from llama_index.retrievers.sift import SIFTRetriever as LlamaIndexRetriever

    return LlamaIndexRetriever(llama_index(), similarity_top_k=6)


RETRIEVERS: dict[str, Callable[[], Any]] = {
    "InMemory": lambda: SIFTRetriever(in_memory(), k=6),
    "FAISS": lambda: SIFTRetriever(faiss(), k=6),
    "LlamaIndex": of_llama_index,
}


def question(number: int) -> str:
    return f"Which {TOPICS[number % 7]} and {TOPICS[(number + 1) % 7]} in {1900 + number}?"


def retrieval(retriever: Any, number: int) -> list[tuple[str | None, float]]:
    """Ids of the documents found, and their scores."""
    if isinstance(retriever, SIFTRetriever):
        found = retriever.invoke(question(number))
        return [(one.id, one.metadata["relevance_score"]) for one in found]
    return [(one.node_id, one.score) for one in retriever.retrieve(question(number))]


def retrievals(retriever: Any) -> list[list[tuple[str | None, float]]]:
    return [retrieval(retriever, number) for number in range(QUERIES)]
