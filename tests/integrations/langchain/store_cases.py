"""Every store that runs without a server of its own, filled with known vectors."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import numpy as np
import postgres
import pytest
from corpus import Corpus
from langchain_core.vectorstores import InMemoryVectorStore


@dataclass(frozen=True)
class StoreCase:
    """How to set up one store, and what it can do."""

    build: Callable[[Corpus], Any]
    metric: str = "cosine"
    """By which the store ranks: "cosine", "l2" or "ip"."""
    even: dict[str, Any] | None = None
    """search_kwargs that let only even documents through; None for a store without filters."""
    nothing: dict[str, Any] | None = None
    """search_kwargs that let nothing through."""
    unit: bool = False
    """The store holds vectors of unit length."""
    given_ids: bool = True
    """The store keeps the ids that it is given."""
    grows: bool = True
    """Documents can be added to a store that has some."""
    delete: Callable[[Any, str], Any] | None = lambda store, name: store.delete(ids=[name])
    """Delete a document; None for a store that cannot."""
    own_model: bool = True
    """The store knows its embedding model."""
    package: str | None = None
    """The store's package; nothing is run where it is not installed."""

    def arguments(self, corpus: Corpus) -> dict[str, Any]:
        """What `SIFTRetriever` needs beside the store."""
        return {} if self.own_model else {"embedding": corpus.embeddings}

    def filled(self, corpus: Corpus) -> Any:
        if self.package is not None:
            pytest.importorskip(self.package)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return self.build(corpus)


def community(name: str) -> Any:
    return getattr(pytest.importorskip("langchain_community.vectorstores"), name)


def in_memory(corpus: Corpus) -> Any:
    store = InMemoryVectorStore(corpus.embeddings)
    return added(store, corpus)


def added(store: Any, corpus: Corpus) -> Any:
    if corpus.texts:
        store.add_documents(corpus.documents(), ids=corpus.ids)
    return store


def faiss(corpus: Corpus, *, index: str = "Flat", inner_product: bool = False) -> Any:
    module = pytest.importorskip("faiss")
    docstore = pytest.importorskip("langchain_community.docstore.in_memory")
    metric = module.METRIC_INNER_PRODUCT if inner_product else module.METRIC_L2
    built = module.index_factory(corpus.dim, index, metric)
    if not built.is_trained:
        built.train(corpus.vectors if corpus.texts else np.ones((1, corpus.dim), np.float32))
    empty = community("FAISS")(corpus.embeddings, built, docstore.InMemoryDocstore(), {})
    return added(empty, corpus)


def chroma(corpus: Corpus, *, space: str = "l2") -> Any:
    import chromadb
    from langchain_chroma import Chroma

    store = Chroma(
        collection_name=f"test-{uuid4().hex}",
        embedding_function=corpus.embeddings,
        client=chromadb.EphemeralClient(),
        collection_configuration={"hnsw": {"space": space}},
    )
    return added(store, corpus)


def qdrant(corpus: Corpus, *, distance: str = "Cosine", name: str = "") -> Any:
    from langchain_qdrant import QdrantVectorStore
    from qdrant_client import QdrantClient, models

    client = QdrantClient(":memory:")
    params = models.VectorParams(size=corpus.dim, distance=models.Distance(distance))
    client.create_collection("test", vectors_config={name: params} if name else params)
    store = QdrantVectorStore(
        client, "test", corpus.embeddings, vector_name=name, distance=models.Distance(distance)
    )
    return added(store, corpus)


def qdrant_filter(key: str, value: Any) -> dict[str, Any]:
    models = pytest.importorskip("qdrant_client").models
    match = models.FieldCondition(key=f"metadata.{key}", match=models.MatchValue(value=value))
    return {"filter": models.Filter(must=[match])}


def milvus(corpus: Corpus, *, metric: str = "L2") -> Any:
    from langchain_milvus import Milvus

    store = Milvus(
        corpus.embeddings,
        connection_args={"uri": f"{tempfile.mkdtemp()}/test.db"},
        index_params={"index_type": "FLAT", "metric_type": metric},
        auto_id=False,
    )
    return added(store, corpus)


def lancedb(corpus: Corpus) -> Any:
    module = pytest.importorskip("lancedb")
    store = community("LanceDB")(
        connection=module.connect(tempfile.mkdtemp()), embedding=corpus.embeddings, mode="append"
    )
    return added(store, corpus)


def faiss_of_its_own_package(corpus: Corpus) -> Any:
    pytest.importorskip("faiss")
    return added(pytest.importorskip("langchain_faiss").Faiss(corpus.embeddings), corpus)


def lancedb_of_its_own_package(corpus: Corpus) -> Any:
    pytest.importorskip("lancedb")
    package = pytest.importorskip("langchain_lancedb")
    return added(package.LanceDB(corpus.embeddings, uri=tempfile.mkdtemp()), corpus)


def duckdb(corpus: Corpus) -> Any:
    module = pytest.importorskip("duckdb")
    store = community("DuckDB")(connection=module.connect(":memory:"), embedding=corpus.embeddings)
    return added(store, corpus)


def duckdb_delete(store: Any, name: str) -> None:
    store._connection.execute("DELETE FROM embeddings WHERE id = ?", [name])


def sklearn(corpus: Corpus, *, metric: str = "cosine") -> Any:
    return added(community("SKLearnVectorStore")(corpus.embeddings, metric=metric), corpus)


def annoy(corpus: Corpus, *, metric: str = "angular") -> Any:
    store = community("Annoy")
    if corpus.texts:
        return store.from_documents(corpus.documents(), corpus.embeddings, metric=metric)
    docstore = pytest.importorskip("langchain_community.docstore.in_memory").InMemoryDocstore()
    index = pytest.importorskip("annoy").AnnoyIndex(corpus.dim, metric)
    index.build(1)
    return store(corpus.embeddings.embed_query, index, metric, docstore, {})


def usearch(corpus: Corpus, *, metric: str = "cos", dtype: str = "f32") -> Any:
    module = pytest.importorskip("usearch.index")
    docstore = pytest.importorskip("langchain_community.docstore.in_memory")
    exact = {"connectivity": 64, "expansion_add": 500, "expansion_search": 500}
    index = module.Index(ndim=corpus.dim, metric=metric, dtype=dtype, **exact)
    store = community("USearch")(corpus.embeddings, index, docstore.InMemoryDocstore(), [])
    if corpus.texts:
        store.add_texts(corpus.texts, corpus.metadatas)
    return store


def usearch_delete(store: Any, name: str) -> None:
    store.index.remove(int(name))
    store.docstore.delete([name])


def docarray(corpus: Corpus, *, metric: str = "cosine_sim") -> Any:
    store = community("DocArrayInMemorySearch").from_params(corpus.embeddings, metric=metric)
    if corpus.texts:
        store.add_texts(corpus.texts, corpus.metadatas)
    return store


def docarray_delete(store: Any, name: str) -> None:
    del store.doc_index[name]


def pgvector(corpus: Corpus, *, strategy: str = "cosine") -> Any:
    from langchain_postgres import PGVector

    store = PGVector(
        corpus.embeddings,
        connection=postgres.engine(),
        collection_name=uuid4().hex,
        distance_strategy=strategy,
        use_jsonb=True,
    )
    return added(store, corpus)


def pgvectorstore(corpus: Corpus, *, strategy: str = "COSINE_DISTANCE") -> Any:
    from langchain_postgres import Column, PGEngine, PGVectorStore
    from langchain_postgres.v2.indexes import DistanceStrategy

    engine, table = PGEngine.from_connection_string(postgres.url()), f"t{uuid4().hex}"
    engine.init_vectorstore_table(
        table, corpus.dim, metadata_columns=[Column("number", "INTEGER"), Column("parity", "TEXT")]
    )
    store = PGVectorStore.create_sync(
        engine,
        corpus.embeddings,
        table,
        metadata_columns=["number", "parity"],
        distance_strategy=DistanceStrategy[strategy],
    )
    return added(store, corpus)


def _faiss(**options: Any) -> StoreCase:
    deletes = "index" not in options  # HNSW cannot, the wrapper mixes up what IVF keeps
    return StoreCase(
        lambda corpus: faiss(corpus, **options),
        metric="ip" if options.get("inner_product") else "l2",
        even={"filter": {"parity": "even"}},
        nothing={"filter": {"number": -1}},
        package="faiss",
        **({} if deletes else {"delete": None}),
    )


def _chroma(space: str, metric: str) -> StoreCase:
    return StoreCase(
        lambda corpus: chroma(corpus, space=space),
        metric=metric,
        even={"filter": {"parity": "even"}},
        nothing={"filter": {"number": -1}},
        package="langchain_chroma",
    )


def _qdrant(distance: str, metric: str, name: str = "") -> StoreCase:
    return StoreCase(
        lambda corpus: qdrant(corpus, distance=distance, name=name),
        metric=metric,
        even={"parity": "even"},
        nothing={"number": -1},
        unit=distance == "Cosine",
        package="langchain_qdrant",
    )


def _milvus(metric: str) -> StoreCase:
    return StoreCase(
        lambda corpus: milvus(corpus, metric=metric),
        metric=metric.lower(),
        even={"expr": 'parity == "even"'},
        nothing={"expr": "number == -1"},
        package="langchain_milvus",
    )


def _sklearn(metric: str, ranks_by: str) -> StoreCase:
    return StoreCase(
        lambda corpus: sklearn(corpus, metric=metric),
        metric=ranks_by,
        delete=None,
        package="sklearn",
    )


def _annoy(metric: str, ranks_by: str) -> StoreCase:
    return StoreCase(
        lambda corpus: annoy(corpus, metric=metric),
        metric=ranks_by,
        given_ids=False,
        grows=False,
        delete=None,
        own_model=False,
        package="annoy",
    )


def _usearch(metric: str, ranks_by: str) -> StoreCase:
    return StoreCase(
        lambda corpus: usearch(corpus, metric=metric),
        metric=ranks_by,
        given_ids=False,
        delete=usearch_delete,
        package="usearch",
    )


def _docarray(metric: str, ranks_by: str) -> StoreCase:
    return StoreCase(
        lambda corpus: docarray(corpus, metric=metric),
        metric=ranks_by,
        given_ids=False,
        delete=docarray_delete,
        package="docarray",
    )


def _postgres(build: Callable[..., Any], strategy: str, metric: str) -> StoreCase:
    return StoreCase(
        lambda corpus: build(corpus, strategy=strategy),
        metric=metric,
        even={"filter": {"parity": "even"}},
        nothing={"filter": {"number": -1}},
        package="pgserver",
    )


CASES: dict[str, StoreCase] = {
    "InMemory": StoreCase(
        in_memory,
        even={"filter": lambda document: document.metadata["parity"] == "even"},
        nothing={"filter": lambda document: False},
    ),
    "FAISS": _faiss(),
    "FAISS inner product": _faiss(inner_product=True),
    "FAISS HNSW": _faiss(index="HNSW32"),
    "FAISS IVF": _faiss(index="IVF1,Flat"),
    "Chroma": _chroma("l2", "l2"),
    "Chroma cosine": _chroma("cosine", "cosine"),
    "Chroma inner product": _chroma("ip", "ip"),
    "Qdrant": _qdrant("Cosine", "cosine"),
    "Qdrant L2": _qdrant("Euclid", "l2"),
    "Qdrant inner product, named vector": _qdrant("Dot", "ip", name="dense"),
    "Milvus": _milvus("L2"),
    "Milvus cosine": _milvus("COSINE"),
    "Milvus inner product": _milvus("IP"),
    "LanceDB": StoreCase(
        lancedb,
        metric="l2",
        even={"filter": "metadata.parity = 'even'"},
        nothing={"filter": "metadata.number = -1"},
        package="lancedb",
    ),
    "LanceDB, filter as a dict": StoreCase(
        lancedb,
        metric="l2",
        even={"filter": {"metadata.parity": "even"}},
        nothing={"filter": {"metadata.number": -1}},
        package="lancedb",
    ),
    "langchain-faiss": StoreCase(faiss_of_its_own_package, metric="l2", package="langchain_faiss"),
    "langchain-lancedb": StoreCase(
        lancedb_of_its_own_package, metric="l2", package="langchain_lancedb"
    ),
    "DuckDB": StoreCase(duckdb, delete=duckdb_delete, package="duckdb"),
    "SKLearn": _sklearn("cosine", "cosine"),
    "SKLearn L2": _sklearn("euclidean", "l2"),
    "Annoy": _annoy("angular", "cosine"),
    "Annoy L2": _annoy("euclidean", "l2"),
    "Annoy inner product": _annoy("dot", "ip"),
    "USearch": _usearch("cos", "cosine"),
    "USearch L2": _usearch("l2sq", "l2"),
    "USearch inner product": _usearch("ip", "ip"),
    "DocArray": _docarray("cosine_sim", "cosine"),
    "DocArray L2": _docarray("euclidean_dist", "l2"),
    "PGVector": _postgres(pgvector, "cosine", "cosine"),
    "PGVector L2": _postgres(pgvector, "l2", "l2"),
    "PGVector inner product": _postgres(pgvector, "inner", "ip"),
    "PGVectorStore": _postgres(pgvectorstore, "COSINE_DISTANCE", "cosine"),
    "PGVectorStore L2": _postgres(pgvectorstore, "EUCLIDEAN", "l2"),
    "PGVectorStore inner product": _postgres(pgvectorstore, "INNER_PRODUCT", "ip"),
}


# The other searches take no filter.
FILTERING = [name for name, case in CASES.items() if case.even is not None]
# Annoy builds its index from the first texts, and adds none to it later.
GROWING = [name for name, case in CASES.items() if case.grows]


def of_make_test(names: Iterable[str]) -> list[Any]:
    """As parameters: one set-up of each store runs in `make test`, the others if slow ones do."""
    return [pytest.param(n, marks=[pytest.mark.slow] if " " in n else []) for n in names]


def search_kwargs(given: dict[str, Any] | None, name: str) -> dict[str, Any]:
    """A case's filter in the store's own words."""
    assert given is not None, f"{name} is not among FILTERING"
    if name.startswith("Qdrant"):
        ((key, value),) = given.items()
        return qdrant_filter(key, value)
    return given
