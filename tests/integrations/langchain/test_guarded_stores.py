"""What a guard or a tracer adds to a store's client is added to our retrievals, too."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pytest
from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.vectorstores import InMemoryVectorStore

from langchain_sift import SIFTRetriever

EMBEDDING = DeterministicFakeEmbedding(size=16)
DOCUMENTS = [
    Document(page_content=f"passage {n} of tenant {n % 2}", metadata={"tenant": n % 2})
    for n in range(20)
]


def tenants(store: Any) -> set[int]:
    return {one.metadata["tenant"] for one in SIFTRetriever(store, k=10).invoke("a question")}


def qdrant(client: Any) -> Any:
    from langchain_qdrant import QdrantVectorStore
    from qdrant_client import models

    client.create_collection(
        "guarded",
        vectors_config=models.VectorParams(size=16, distance=models.Distance.COSINE),
    )
    store = QdrantVectorStore(client, "guarded", EMBEDDING)
    store.add_documents(DOCUMENTS)
    return store


def of_tenant_1() -> Any:
    from qdrant_client import models

    return models.Filter(
        must=[models.FieldCondition(key="metadata.tenant", match=models.MatchValue(value=1))]
    )


def test_a_qdrant_client_that_guards_tenants() -> None:
    package = pytest.importorskip("qdrant_client")
    pytest.importorskip("langchain_qdrant")

    class Guard(package.QdrantClient):  # type: ignore[misc]
        def query_points(self, *arguments: Any, query_filter: Any = None, **options: Any) -> Any:
            return super().query_points(*arguments, query_filter=of_tenant_1(), **options)

    assert tenants(qdrant(package.QdrantClient(":memory:"))) == {0, 1}
    assert tenants(qdrant(Guard(":memory:"))) == {1}
    plain = package.QdrantClient(":memory:")
    store, search = qdrant(plain), plain.query_points
    plain.query_points = lambda *a, query_filter=None, **o: search(
        *a, query_filter=of_tenant_1(), **o
    )
    assert tenants(store) == {1}


def test_a_search_of_qdrant_that_makes_no_sense_is_refused_by_the_client() -> None:
    package = pytest.importorskip("qdrant_client")
    pytest.importorskip("langchain_qdrant")
    store = qdrant(package.QdrantClient(":memory:"))
    with pytest.raises(ValueError, match="offset"):
        SIFTRetriever(store, search_kwargs={"offset": -1}).invoke("a question")


class ChromaGuard:
    """A collection behind a proxy that knows nothing of Chroma."""

    def __init__(self, collection: Any) -> None:
        self._guarded = collection

    def query(self, *, where: Any = None, **options: Any) -> Any:
        return self._guarded.query(where={"tenant": 1}, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._guarded, name)


def test_a_chroma_collection_behind_a_proxy() -> None:
    chromadb = pytest.importorskip("chromadb")
    chroma = pytest.importorskip("langchain_chroma")
    store = chroma.Chroma.from_documents(
        DOCUMENTS, EMBEDDING, client=chromadb.EphemeralClient(), collection_name="guarded"
    )
    assert tenants(store) == {0, 1}
    store._chroma_collection = ChromaGuard(store._chroma_collection)
    assert tenants(store) == {1}


def test_an_in_memory_store_whose_search_somebody_watches() -> None:
    name = "_similarity_search_with_score_by_vector"
    store = InMemoryVectorStore.from_documents(DOCUMENTS, EMBEDDING)
    search, seen = getattr(store, name), []

    def watched(*arguments: Any, **options: Any) -> Any:
        seen.append(arguments)
        return search(*arguments, **options)

    expected = [one.id for one in SIFTRetriever(store, k=5).invoke("a question")]
    with patch.object(InMemoryVectorStore, name, lambda _, *a, **o: watched(*a, **o)):
        assert [one.id for one in SIFTRetriever(store, k=5).invoke("a question")] == expected
    assert len(seen) == 1
    setattr(store, name, watched)
    assert [one.id for one in SIFTRetriever(store, k=5).invoke("a question")] == expected
    assert len(seen) == 2


def test_parts_of_the_packages_are_there_when_asked_for() -> None:
    import langchain_sift
    import sift_retrievers

    assert callable(langchain_sift.stores.register_reader)
    assert callable(sift_retrievers.witnesses.score_words)
    assert callable(sift_retrievers.retrieval.retrieve)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        sift_retrievers.nothing  # noqa: B018
