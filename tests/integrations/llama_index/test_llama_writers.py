"""Beside a writer that replaces nodes: no node of another tenant, no vector of another text.

A vector is a function of the text, and a text names its tenant, so that what was returned can be
checked by itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any
from zlib import crc32

import numpy as np
import pytest
from corpus import Corpus
from llama_cases import CASES
from llama_index.core import StorageContext, VectorStoreIndex
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.schema import NodeWithScore, TextNode
from llama_index.core.vector_stores import MetadataFilter, MetadataFilters, SimpleVectorStore

from llama_index.retrievers.sift import SIFTRetriever
from llama_index.retrievers.sift.stores import StoredVector
from llama_index.retrievers.sift.stores.in_flight import (
    ids_in_flight,
    ids_of_nodes,
    read_settled,
)

DIM, NODES, THREADS, QUERIES = 12, 40, 16, 20


def vector_of(text: str) -> list[float]:
    """A vector that another text does not have."""
    random = np.random.default_rng(crc32(text.encode()))
    return [float(value) for value in random.normal(size=DIM).astype(np.float32)]


class OfTheText(BaseEmbedding):
    """Reads the last line of what it embeds, as the metadata stand above it."""

    def _get_query_embedding(self, query: str) -> list[float]:
        return vector_of(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return vector_of(query)

    def _get_text_embedding(self, text: str) -> list[float]:
        return vector_of(text.rpartition("\n")[2])


def node_of(name: str, i: int, version: int) -> TextNode:
    """Half of the nodes are tenant A's at any time; every version gives a node to the other."""
    tenant = "AB"[(i + version) % 2]
    text = f"node {i} version {version} of {tenant}"
    return TextNode(id_=name, text=text, metadata={"tenant": tenant}, embedding=vector_of(text))


def upsert(index: VectorStoreIndex, nodes: list[TextNode]) -> None:
    """Replace rows in one call of the store's client, where LlamaIndex has none."""
    store: Any = index.vector_store
    if hasattr(store, "_collection"):
        from llama_index.core.vector_stores.utils import node_to_metadata_dict

        store._collection.upsert(
            ids=[node.node_id for node in nodes],
            embeddings=[node.get_embedding() for node in nodes],
            documents=[node.text for node in nodes],
            metadatas=[
                node_to_metadata_dict(node, remove_text=True, flat_metadata=True) for node in nodes
            ],
        )
    else:
        store.add(nodes)


def overwrite(index: VectorStoreIndex, nodes: list[TextNode]) -> None:
    """In place: the vectors first, then the texts in the docstore."""
    index.insert_nodes(nodes)


def replace(index: VectorStoreIndex, nodes: list[TextNode]) -> None:
    """As `update_ref_doc` does: delete, then insert."""
    index.delete_nodes([node.node_id for node in nodes], delete_from_docstore=True)
    index.insert_nodes(nodes)


def wrong(found: list[NodeWithScore], query: str) -> tuple[int, int]:
    """How many nodes are of another tenant, how many have the similarity of another text."""
    asked = np.array(vector_of(query))
    tenants = similarities = 0
    for scored in found:
        text, said = scored.node.get_content(), scored.node.metadata
        tenants += said["tenant"] != "A" or not text.endswith(" of A")
        own = np.array(vector_of(text))
        cosine = asked @ own / np.linalg.norm(asked) / np.linalg.norm(own)
        similarities += abs(said["similarity"] - cosine) > 1e-4
    return tenants, similarities


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("store_name", "write"),
    [
        ("Qdrant", upsert),
        ("Qdrant", replace),
        ("Chroma", upsert),
        ("Chroma", replace),
        ("Simple", overwrite),
        ("Simple", replace),
    ],
)
def test_a_writer_beside_sixteen_readers(
    store_name: str, write: Callable[[VectorStoreIndex, list[TextNode]], None]
) -> None:
    names = Corpus(count=NODES).ids
    case = CASES[store_name]
    if case.package is not None:
        pytest.importorskip(case.package)
    context = StorageContext.from_defaults(vector_store=case.store(Corpus(dim=DIM)))
    first = [node_of(name, i, 0) for i, name in enumerate(names)]
    index = VectorStoreIndex(first, storage_context=context, embed_model=OfTheText())
    mine = MetadataFilters(filters=[MetadataFilter(key="tenant", value="A")])
    retriever = SIFTRetriever(index, 10, 30, filters=mine)
    over, versions = Event(), 0
    failed: list[str] = []

    def writer() -> None:
        nonlocal versions
        while not over.is_set():
            versions += 1
            nodes = [node_of(name, i, versions) for i, name in enumerate(names)]
            for start in range(0, NODES, 4):
                write(index, nodes[start : start + 4])
            time.sleep(0.001)

    def ask(i: int) -> tuple[int, int, int]:
        query = f"query {i}"
        try:
            found = retriever.retrieve(query)
        except Exception as error:  # some stores fail now and then while somebody writes to them
            if "while SIFT fetched" not in str(getattr(error, "__notes__", "")):
                raise
            failed.append(query)
            return 0, 0, 0
        return len(found), *wrong(found, query)

    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(THREADS) as many:
        writing = one.submit(writer)
        try:
            asked = [*many.map(ask, range(THREADS * QUERIES))]
        finally:
            over.set()
        writing.result()
    found, tenants, similarities = np.array(asked).sum(axis=0).tolist()
    assert versions > 1
    assert len(failed) <= THREADS * QUERIES / 20
    assert found > THREADS * QUERIES
    assert (tenants, similarities) == (0, 0)


class Slow(SimpleVectorStore):
    """A store whose writer stands still between the vectors and the texts."""

    _inside: Event = PrivateAttr(default_factory=Event)
    _go_on: Event = PrivateAttr(default_factory=Event)

    def add(self, nodes: Any, **kwargs: Any) -> list[str]:
        ids = super().add(nodes, **kwargs)
        self._inside.set()
        self._go_on.wait(20)
        return ids


def test_a_new_vector_is_not_taken_for_the_old_text() -> None:
    store, names = Slow(), Corpus(count=NODES).ids
    context = StorageContext.from_defaults(vector_store=store)
    store._go_on.set()
    first = [node_of(name, i, 0) for i, name in enumerate(names)]
    index = VectorStoreIndex(first, storage_context=context, embed_model=OfTheText())
    retriever = SIFTRetriever(index, NODES, NODES)
    store._go_on.clear()
    store._inside.clear()
    new = [node_of(name, i, 1) for i, name in enumerate(names)][:3]
    with ThreadPoolExecutor(1) as one:
        writing = one.submit(index.insert_nodes, new)
        try:
            assert store._inside.wait(20)
            beside = retriever.retrieve("query")
        finally:
            store._go_on.set()
        writing.result()
    assert all(" version 0 of " in scored.node.get_content() for scored in beside)
    assert beside[0].node.metadata["vectors"] == "3 of 40 embedded again"
    for scored in [*beside, *retriever.retrieve("query")]:
        own, asked = np.array(vector_of(scored.node.get_content())), np.array(vector_of("query"))
        cosine = own @ asked / np.linalg.norm(own) / np.linalg.norm(asked)
        assert scored.node.metadata["similarity"] == pytest.approx(cosine, abs=1e-5)
    assert all("vectors" not in scored.node.metadata for scored in retriever.retrieve("query"))


def test_rows_that_change_or_are_being_written_are_left_out() -> None:
    inside, go_on = Event(), Event()

    def write(nodes: list[TextNode]) -> int:
        inside.set()
        go_on.wait(20)
        return len(nodes)

    reads = iter(
        [
            {name: StoredVector([1.0], "text") for name in "abcd"},
            {
                "a": StoredVector([1.0], "text"),
                "b": StoredVector([2.0], "text"),
                "c": StoredVector([1.0], "other"),
                "d": StoredVector([1.0], "text"),
                "e": StoredVector([1.0], "text"),
            },
        ]
    )
    writes = [(write, ids_of_nodes("nodes")), (None, ids_of_nodes("nodes"))]
    with ThreadPoolExecutor(1) as one:
        one.submit(write, [node_of("d", 0, 0)])
        assert inside.wait(20)
        settled = read_settled(lambda: next(reads), writes)
        go_on.set()
    assert settled == {"a": StoredVector([1.0], "text")}
    assert ids_in_flight(writes) == set()
