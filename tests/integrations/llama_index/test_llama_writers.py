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
from llama_index.core.schema import NodeWithScore, TextNode
from llama_index.core.vector_stores import MetadataFilter, MetadataFilters

from llama_index.retrievers.sift import SIFTRetriever

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
