"""Writes a corpus into every kind of folder, as users of the stores do."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

import pytest
from made_facts import Facts

Write = Callable[[Facts, Path], None]
COLLECTION: Final = "facts"


def langchain_documents(facts: Facts) -> list[Any]:
    from langchain_core.documents import Document

    rows = zip(facts.ids, facts.texts, facts.metadata, strict=True)
    return [Document(page_content=text, metadata=meta, id=name) for name, text, meta in rows]


def langchain_model(facts: Facts) -> Any:
    """Embeddings that know the texts of the corpus alone."""
    from langchain_core.embeddings import Embeddings

    known = dict(zip(facts.texts, facts.vectors.tolist(), strict=True))

    class Known(Embeddings):
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return [self.embed_query(text) for text in texts]

        def embed_query(self, text: str) -> list[float]:
            return known.get(text, facts.vectors[0].tolist())

    return Known()


def nodes(facts: Facts, ids: Sequence[str] | None = None) -> list[Any]:
    from llama_index.core.schema import TextNode

    names = ids or facts.ids
    rows = zip(names, facts.texts, facts.metadata, facts.vectors.tolist(), strict=True)
    return [TextNode(id_=n, text=t, metadata=dict(m), embedding=v) for n, t, m, v in rows]


def llama_index(
    facts: Facts, store: Any, folder: Path | None = None, ids: Sequence[str] | None = None
) -> None:
    from llama_index.core import StorageContext, VectorStoreIndex
    from llama_index.core.embeddings import MockEmbedding

    context = StorageContext.from_defaults(vector_store=store)
    index = VectorStoreIndex(
        nodes(facts, ids), storage_context=context, embed_model=MockEmbedding(embed_dim=16)
    )
    if folder is not None:
        index.storage_context.persist(str(folder))


def faiss_of_langchain(facts: Facts, folder: Path) -> None:
    from langchain_community.vectorstores import FAISS

    store = FAISS.from_documents(langchain_documents(facts), langchain_model(facts))
    store.save_local(str(folder))


def faiss_of_the_standalone_package(facts: Facts, folder: Path) -> None:
    from langchain_faiss import Faiss

    store = Faiss(langchain_model(facts))
    store.add_documents(langchain_documents(facts))
    store.save_local(str(folder))


def faiss_of_llama_index(facts: Facts, folder: Path) -> None:
    import faiss
    from llama_index.vector_stores.faiss import FaissVectorStore

    llama_index(facts, FaissVectorStore(faiss_index=faiss.IndexFlatL2(16)), folder)


def simple_of_llama_index(facts: Facts, folder: Path) -> None:
    llama_index(facts, None, folder)


def chroma_client(facts: Facts, folder: Path) -> None:
    import chromadb

    collection = chromadb.PersistentClient(str(folder)).create_collection(COLLECTION)
    collection.add(
        ids=facts.ids,
        embeddings=facts.vectors.tolist(),
        documents=facts.texts,
        metadatas=facts.metadata,
    )


def chroma_of_langchain(facts: Facts, folder: Path) -> None:
    from langchain_chroma import Chroma

    documents = langchain_documents(facts)
    Chroma.from_documents(documents, langchain_model(facts), persist_directory=str(folder))


def chroma_of_llama_index(facts: Facts, folder: Path) -> None:
    import chromadb
    from llama_index.vector_stores.chroma import ChromaVectorStore

    collection = chromadb.PersistentClient(str(folder)).create_collection(COLLECTION)
    llama_index(facts, ChromaVectorStore(chroma_collection=collection))


def lancedb_client(facts: Facts, folder: Path) -> None:
    import lancedb

    rows = zip(facts.ids, facts.texts, facts.metadata, facts.vectors.tolist(), strict=True)
    lancedb.connect(str(folder)).create_table(
        COLLECTION, [{"id": n, "text": t, "vector": v, **m} for n, t, m, v in rows]
    )


def lancedb_of_langchain(facts: Facts, folder: Path) -> None:
    from langchain_lancedb import LanceDB

    store = LanceDB(langchain_model(facts), uri=str(folder))
    store.add_texts(facts.texts, metadatas=facts.metadata, ids=facts.ids)


def lancedb_of_llama_index(facts: Facts, folder: Path) -> None:
    from llama_index.vector_stores.lancedb import LanceDBVectorStore

    llama_index(facts, LanceDBVectorStore(uri=str(folder), mode="overwrite"))


def qdrant_client(facts: Facts, folder: Path) -> None:
    from qdrant_client import QdrantClient, models

    client = QdrantClient(path=str(folder))
    client.create_collection(
        COLLECTION,
        vectors_config=models.VectorParams(size=16, distance=models.Distance.EUCLID),
    )
    rows = zip(facts.texts, facts.metadata, facts.vectors.tolist(), strict=True)
    points = [
        models.PointStruct(id=i, vector=v, payload={"text": t, **m})
        for i, (t, m, v) in enumerate(rows)
    ]
    client.upsert(COLLECTION, points)
    client.close()


def qdrant_of_langchain(facts: Facts, folder: Path) -> None:
    from langchain_qdrant import QdrantVectorStore

    store = QdrantVectorStore.from_texts(
        facts.texts,
        langchain_model(facts),
        metadatas=facts.metadata,
        path=str(folder),
        collection_name=COLLECTION,
    )
    store.client.close()


def qdrant_of_llama_index(facts: Facts, folder: Path) -> None:
    from llama_index.vector_stores.qdrant import QdrantVectorStore
    from qdrant_client import QdrantClient

    ids = [str(uuid5(NAMESPACE_URL, name)) for name in facts.ids]  # Qdrant takes no other names
    client = QdrantClient(path=str(folder))
    llama_index(facts, QdrantVectorStore(client=client, collection_name=COLLECTION), ids=ids)
    client.close()


WRITERS: Final[dict[str, tuple[str, Write]]] = {
    "FAISS, LangChain": ("langchain_community", faiss_of_langchain),
    "FAISS, standalone": ("langchain_faiss", faiss_of_the_standalone_package),
    "FAISS, LlamaIndex": ("llama_index.vector_stores.faiss", faiss_of_llama_index),
    "LlamaIndex": ("llama_index.core", simple_of_llama_index),
    "Chroma": ("chromadb", chroma_client),
    "Chroma, LangChain": ("langchain_chroma", chroma_of_langchain),
    "Chroma, LlamaIndex": ("llama_index.vector_stores.chroma", chroma_of_llama_index),
    "LanceDB": ("lancedb", lancedb_client),
    "LanceDB, LangChain": ("langchain_lancedb", lancedb_of_langchain),
    "LanceDB, LlamaIndex": ("llama_index.vector_stores.lancedb", lancedb_of_llama_index),
    "Qdrant": ("qdrant_client", qdrant_client),
    "Qdrant, LangChain": ("langchain_qdrant", qdrant_of_langchain),
    "Qdrant, LlamaIndex": ("llama_index.vector_stores.qdrant", qdrant_of_llama_index),
}
"""By name: the package that is needed, and the function that writes a folder."""


def written(name: str, facts: Facts, folder: Path) -> Path:
    """The folder, written; the test is skipped where the package is missing."""
    package, write = WRITERS[name]
    pytest.importorskip(package)
    write(facts, folder)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder, and the name of every folder in it."""
    return {
        str(file.relative_to(folder)): file.read_bytes() if file.is_file() else b""
        for file in sorted(folder.rglob("*"))
    }


def as_json(vector: Any) -> str:
    return json.dumps([float(value) for value in vector])
