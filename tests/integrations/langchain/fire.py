"""Stores under fire: one thread writes, many ask for the documents of one tenant."""

from __future__ import annotations

import random
import tempfile
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import uuid4

import numpy as np
import pytest
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import InMemoryVectorStore
from reading import hits_in
from store_cases import qdrant_filter

from langchain_sift import SIFTRetriever

DIM: Final = 32
ROWS: Final = 300
IDS: Final = [str(uuid4()) for _ in range(ROWS)]
TENANTS: Final = "AB"
CLOSE: Final = 1e-4


def vector(text: str) -> np.ndarray[Any, Any]:
    """`[d]`, a function of the text: it tells whose vector a vector is."""
    return np.random.default_rng(zlib.crc32(text.encode())).standard_normal(DIM).astype(np.float32)


class TextEmbeddings(Embeddings):
    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return [float(value) for value in vector(text)]


def row(i: int, tenant: str, version: int) -> Document:
    text = f"{tenant}, row {i}, version {version}"
    return Document(id=IDS[i], page_content=text, metadata={"tenant": tenant, "row": i})


@dataclass(frozen=True)
class Place:
    """A kind of store, and how it filters by tenant."""

    build: Callable[[], Any]
    of_tenant: Callable[[str], dict[str, Any]] | None = lambda tenant: {
        "filter": {"tenant": tenant}
    }
    """search_kwargs; None for a store without filters."""
    upserts: bool = True
    """Adding a document under an id that is there replaces the old one."""
    pause: float = 0.0
    """Seconds between two writes."""


@dataclass
class Report:
    """What came of the queries."""

    documents: int = 0
    rows: int = 0
    wrong: Counter[str] = field(default_factory=Counter)
    """Documents and rows of another tenant, or with what belongs to another version."""
    failed: Counter[str] = field(default_factory=Counter)
    """Queries of the retriever that raised, by message."""
    own_failed: Counter[str] = field(default_factory=Counter)
    """As many queries of the store's own search that raised."""
    own_wrong: int = 0
    """Documents of another tenant from the store's own search."""
    writes: int = 0

    def __str__(self) -> str:
        return (
            f"{self.documents} documents and {self.rows} rows beside {self.writes} writes; wrong: "
            f"{dict(self.wrong)}; failed: {dict(self.failed)}; of the store's own search wrong: "
            f"{self.own_wrong}, failed: {self.own_failed.total()} {dict(self.own_failed)}"
        )


def cosine(one: Any, other: Any) -> float:
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


class Fire:
    """One store, its writer and its readers."""

    def __init__(self, place: Place) -> None:
        self.place, self.store, self.report = place, place.build(), Report()
        self.store.add_documents([row(i, TENANTS[i % 2], 0) for i in range(ROWS)], ids=IDS)
        self.over, self.counting = threading.Event(), threading.Lock()

    def run(self, threads: int, queries: int) -> Report:
        """Let so many threads make so many queries each."""
        writer = threading.Thread(target=self._write)
        writer.start()
        try:
            with ThreadPoolExecutor(threads) as pool:
                for _ in pool.map(lambda reader: self._read(reader, queries), range(threads)):
                    pass
        finally:
            self.over.set()
            writer.join()
        return self.report

    def _write(self) -> None:
        """Delete, add and replace rows, the replaced ones often with those of the other tenant."""
        choose, present = random.Random(0), {*range(ROWS)}
        while not self.over.is_set():
            self.report.writes += 1
            i, tenant = choose.randrange(ROWS), choose.choice(TENANTS)
            deletes = choose.random() < 0.3
            if i in present and (deletes or not self.place.upserts):
                self.store.delete([IDS[i]])
                present.discard(i)
            if not deletes:
                new = row(i, tenant, self.report.writes)
                self.store.add_documents([new], ids=[IDS[i]])
                present.add(i)
            time.sleep(self.place.pause)

    def _read(self, reader: int, queries: int) -> None:
        choose = random.Random(reader)
        for number in range(queries):
            tenant, query = choose.choice(TENANTS), f"query {number} of {reader}"
            of_tenant = {} if self.place.of_tenant is None else self.place.of_tenant(tenant)
            self._count("failed", self._retrieve, query, tenant, of_tenant)
            self._count("failed", self._search, query, tenant, of_tenant)
            self._count("own_failed", self._search_by_itself, query, tenant, of_tenant)
            self._count("own_failed", self._search_by_itself, query, tenant, of_tenant)

    def _count(self, where: str, ask: Callable[..., None], *arguments: Any) -> None:
        try:
            ask(*arguments)
        except Exception as error:
            with self.counting:
                getattr(self.report, where)[f"{type(error).__name__}: {error}"[:100]] += 1

    def _retrieve(self, query: str, tenant: str, of_tenant: dict[str, Any]) -> None:
        retriever = SIFTRetriever(self.store, k=5, fetch_k=50, search_kwargs=of_tenant)
        found = retriever.invoke(query)
        with self.counting:
            self.report.documents += len(found)
            for document in found:
                self._check(document.page_content, document.metadata, tenant)
                similarity = cosine(vector(document.page_content), vector(query))
                if abs(similarity - document.metadata["sift"]["similarity"]) > CLOSE:
                    self.report.wrong["a document with another's similarity"] += 1

    def _search(self, query: str, tenant: str, of_tenant: dict[str, Any]) -> None:
        hits = hits_in(self.store, vector(query), 50, **of_tenant)
        with self.counting:
            self.report.rows += len(hits)
            for text, metadata, kept in zip(hits.texts, hits.metadata, hits.vectors, strict=True):
                self._check(text, metadata, tenant)
                if cosine(vector(text), kept) < 1 - CLOSE:
                    self.report.wrong["a row with another's vector"] += 1

    def _check(self, text: str, metadata: Any, tenant: str) -> None:
        if self.place.of_tenant is not None and metadata["tenant"] != tenant:
            self.report.wrong["of another tenant"] += 1
        if not text.startswith(f"{metadata['tenant']}, row {metadata['row']},"):
            self.report.wrong["text and metadata of different rows"] += 1

    def _search_by_itself(self, query: str, tenant: str, of_tenant: dict[str, Any]) -> None:
        found = self.store.similarity_search(query, k=5, **of_tenant)
        wrong = sum(document.metadata["tenant"] != tenant for document in found if of_tenant)
        with self.counting:
            self.report.own_wrong += wrong


def faiss() -> Any:
    package = pytest.importorskip("faiss")
    community = pytest.importorskip("langchain_community.vectorstores")
    docstore = pytest.importorskip("langchain_community.docstore.in_memory").InMemoryDocstore()
    return community.FAISS(TextEmbeddings(), package.IndexFlatL2(DIM), docstore, {})


def chroma() -> Any:
    chromadb = pytest.importorskip("chromadb")
    return pytest.importorskip("langchain_chroma").Chroma(
        f"fire-{uuid4().hex}", TextEmbeddings(), client=chromadb.EphemeralClient()
    )


def qdrant() -> Any:
    package = pytest.importorskip("qdrant_client")
    client = package.QdrantClient(":memory:")
    params = package.models.VectorParams(size=DIM, distance=package.models.Distance.COSINE)
    client.create_collection("fire", vectors_config=params)
    return pytest.importorskip("langchain_qdrant").QdrantVectorStore(
        client, "fire", TextEmbeddings()
    )


def lancedb() -> Any:
    connection = pytest.importorskip("lancedb").connect(tempfile.mkdtemp())
    community = pytest.importorskip("langchain_community.vectorstores")
    return community.LanceDB(connection=connection, embedding=TextEmbeddings(), mode="append")


def standalone_faiss() -> Any:
    return pytest.importorskip("langchain_faiss").Faiss(TextEmbeddings())


def standalone_lancedb() -> Any:
    package = pytest.importorskip("langchain_lancedb")
    return package.LanceDB(TextEmbeddings(), uri=tempfile.mkdtemp())


PLACES: Final = {
    "FAISS": Place(faiss, upserts=False),
    "Chroma": Place(chroma),
    "Qdrant": Place(qdrant, lambda tenant: qdrant_filter("tenant", tenant)),
    "InMemory": Place(
        lambda: InMemoryVectorStore(TextEmbeddings()),
        lambda tenant: {"filter": lambda document: document.metadata["tenant"] == tenant},
    ),
    # Each write makes a version of the table, and searches get slower with every one.
    "LanceDB": Place(
        lancedb, lambda tenant: {"filter": {"metadata.tenant": tenant}}, upserts=False, pause=0.1
    ),
    "langchain-faiss": Place(standalone_faiss, None, upserts=False),
    "langchain-lancedb": Place(standalone_lancedb, None, upserts=False, pause=0.1),
}
