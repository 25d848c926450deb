"""Vector stores filled with documents whose vectors are known."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import InMemoryVectorStore


class KnownTexts(Embeddings):
    """Vectors of texts from a table; of queries by a model, where one is given."""

    def __init__(self, known: Mapping[str, Any], model: Embeddings | None = None) -> None:
        self.table = {text: vector.tolist() for text, vector in known.items()}
        self.model = model

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        some = next(iter(self.table.values()))  # Qdrant asks for the dimension by a text of its own
        return [self.table.get(text, some) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        if self.model is not None:
            return self.model.embed_query(text)
        found: list[float] = self.table[text]
        return found


def faiss(documents: list[Document], embeddings: Embeddings) -> Any:
    from langchain_community.vectorstores import FAISS

    return FAISS.from_documents(documents, embeddings)


def chroma(documents: list[Document], embeddings: Embeddings) -> Any:
    import chromadb
    from langchain_chroma import Chroma

    client = chromadb.EphemeralClient()
    name = f"bench-{time.monotonic_ns()}"
    return Chroma.from_documents(documents, embeddings, client=client, collection_name=name)


def qdrant(documents: list[Document], embeddings: Embeddings) -> Any:
    from langchain_qdrant import QdrantVectorStore

    # Qdrant takes UUIDs as ids.
    unnamed = [Document(page_content=d.page_content, metadata=d.metadata) for d in documents]
    return QdrantVectorStore.from_documents(
        unnamed, embeddings, location=":memory:", collection_name="bench"
    )


def in_memory(documents: list[Document], embeddings: Embeddings) -> Any:
    return InMemoryVectorStore.from_documents(documents, embeddings)


def lancedb(documents: list[Document], embeddings: Embeddings) -> Any:
    import lancedb as package
    from langchain_community.vectorstores import LanceDB

    store = LanceDB(package.connect(tempfile.mkdtemp()), embeddings)
    store.add_texts([d.page_content for d in documents], [d.metadata for d in documents])
    return store


STORES: Final[dict[str, Callable[[list[Document], Embeddings], Any]]] = {
    "FAISS": faiss,
    "Chroma": chroma,
    "Qdrant (local)": qdrant,
    "InMemoryVectorStore": in_memory,
    "LanceDB": lancedb,
}
