"""Every LlamaIndex vector store that needs no server of its own, filled with known vectors."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import postgres
import pytest
from corpus import Corpus
from llama_index.core import StorageContext, VectorStoreIndex
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.schema import BaseNode, MetadataMode, TextNode
from llama_index.core.vector_stores import MetadataFilter, MetadataFilters, SimpleVectorStore


class TableEmbedding(BaseEmbedding):
    """Looks vectors up in the corpus, records its calls, embeds no node once sealed."""

    _corpus: Corpus = PrivateAttr()
    _queries: list[str] = PrivateAttr(default_factory=list)
    _batches: list[list[str]] = PrivateAttr(default_factory=list)
    sealed: bool = False

    def __init__(self, corpus: Corpus, **settings: Any) -> None:
        super().__init__(model_name="table", **settings)
        self._corpus = corpus

    def _get_query_embedding(self, query: str) -> list[float]:
        self._queries.append(query)
        return [float(value) for value in self._corpus.embeddings.table[query]]

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_query_embedding(query)

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_text_embeddings([text])[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        assert not self.sealed, "a retriever must not embed nodes"
        self._batches.append(texts)
        table = self._corpus.embeddings.table
        return [table[text.rpartition("\n")[2]].tolist() for text in texts]


@dataclass(frozen=True)
class LlamaCase:
    """How to set up one store, and what it can do."""

    store: Callable[[Corpus], Any]
    metric: str = "cosine"
    filters: bool = True
    unit: bool = False
    deletes: bool = True
    stores_text: bool = True
    package: str | None = None

    def index(self, corpus: Corpus) -> VectorStoreIndex:
        if self.package is not None:
            pytest.importorskip(self.package)
        context = StorageContext.from_defaults(vector_store=self.store(corpus))
        model = TableEmbedding(corpus, embed_batch_size=100)
        built = VectorStoreIndex(nodes_of(corpus), storage_context=context, embed_model=model)
        model.sealed = True
        return built


def nodes_of(corpus: Corpus) -> list[BaseNode]:
    rows = zip(corpus.ids, corpus.texts, corpus.metadatas, strict=True)
    return [TextNode(id_=i, text=t, metadata=dict(m)) for i, t, m in rows]


def model_of(index: VectorStoreIndex) -> TableEmbedding:
    model = index._embed_model
    assert isinstance(model, TableEmbedding)
    return model


def read_by_a_model(node: BaseNode) -> str:
    return node.get_content(MetadataMode.LLM) + node.get_content(MetadataMode.EMBED)


EVEN = MetadataFilters(filters=[MetadataFilter(key="parity", value="even")])
NEITHER = MetadataFilters(filters=[MetadataFilter(key="parity", value="neither")])


def faiss(corpus: Corpus, *, inner_product: bool = False) -> Any:
    module = pytest.importorskip("faiss")
    from llama_index.vector_stores.faiss import FaissVectorStore

    kind = module.IndexFlatIP if inner_product else module.IndexFlatL2
    return FaissVectorStore(kind(corpus.dim))


def faiss_map(corpus: Corpus) -> Any:
    module = pytest.importorskip("faiss")
    from llama_index.vector_stores.faiss import FaissMapVectorStore

    return FaissMapVectorStore(module.IndexIDMap2(module.IndexFlatL2(corpus.dim)))


def chroma(corpus: Corpus, *, space: str = "cosine") -> Any:
    import chromadb
    from llama_index.vector_stores.chroma import ChromaVectorStore

    collection = chromadb.EphemeralClient().create_collection(
        f"test-{uuid4().hex}", configuration={"hnsw": {"space": space}}
    )
    return ChromaVectorStore(chroma_collection=collection)


def qdrant(corpus: Corpus, *, distance: str = "Cosine") -> Any:
    from llama_index.vector_stores.qdrant import QdrantVectorStore
    from qdrant_client import QdrantClient, models

    params = models.VectorParams(size=corpus.dim, distance=models.Distance(distance))
    return QdrantVectorStore("test", client=QdrantClient(":memory:"), dense_config=params)


def milvus(corpus: Corpus, *, metric: str = "L2") -> Any:
    from llama_index.vector_stores.milvus import MilvusVectorStore

    return MilvusVectorStore(
        uri=f"{tempfile.mkdtemp()}/test.db",
        dim=corpus.dim,
        similarity_metric=metric,
        index_config={"index_type": "FLAT"},
        consistency_level="Strong",
    )


def lancedb(corpus: Corpus) -> Any:
    from llama_index.vector_stores.lancedb import LanceDBVectorStore

    return LanceDBVectorStore(uri=tempfile.mkdtemp(), query_type="vector", mode="create")


def pgvector(corpus: Corpus) -> Any:
    from llama_index.vector_stores.postgres import PGVectorStore

    sync = postgres.url().replace("+psycopg:", "+psycopg2:")
    return PGVectorStore.from_params(
        connection_string=sync,
        async_connection_string=sync.replace("+psycopg2:", "+asyncpg:"),
        table_name=f"t{uuid4().hex}",
        embed_dim=corpus.dim,
    )


def _faiss(**options: Any) -> LlamaCase:
    return LlamaCase(
        lambda corpus: faiss(corpus, **options),
        metric="ip" if options.get("inner_product") else "l2",
        filters=False,
        deletes=False,
        stores_text=False,
        package="llama_index.vector_stores.faiss",
    )


CASES: dict[str, LlamaCase] = {
    "Simple": LlamaCase(lambda corpus: SimpleVectorStore(), stores_text=False),
    "Faiss": _faiss(),
    "Faiss inner product": _faiss(inner_product=True),
    "FaissMap": LlamaCase(
        faiss_map,
        metric="l2",
        filters=False,
        stores_text=False,
        package="llama_index.vector_stores.faiss",
    ),
    "Chroma": LlamaCase(chroma, package="llama_index.vector_stores.chroma"),
    "Chroma L2": LlamaCase(
        lambda corpus: chroma(corpus, space="l2"),
        metric="l2",
        package="llama_index.vector_stores.chroma",
    ),
    "Qdrant": LlamaCase(qdrant, unit=True, package="llama_index.vector_stores.qdrant"),
    "Qdrant inner product": LlamaCase(
        lambda corpus: qdrant(corpus, distance="Dot"),
        metric="ip",
        package="llama_index.vector_stores.qdrant",
    ),
    "Milvus": LlamaCase(milvus, metric="l2", package="llama_index.vector_stores.milvus"),
    "Milvus cosine": LlamaCase(
        lambda corpus: milvus(corpus, metric="COSINE"),
        package="llama_index.vector_stores.milvus",
    ),
    # Its delete_nodes quotes ids in a way that LanceDB takes for column names.
    "LanceDB": LlamaCase(
        lancedb, metric="l2", deletes=False, package="llama_index.vector_stores.lancedb"
    ),
    "Postgres": LlamaCase(pgvector, package="llama_index.vector_stores.postgres"),
}
