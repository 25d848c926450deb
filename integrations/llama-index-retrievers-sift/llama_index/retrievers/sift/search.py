"""The candidates of a query: the index's own search, with the vectors of its hits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.indices.vector_store.retrievers import VectorIndexRetriever
from llama_index.core.schema import BaseNode, NodeWithScore, QueryBundle
from llama_index.core.vector_stores.types import VectorStoreQuery

from llama_index.retrievers.sift.nodes import embedded_text
from llama_index.retrievers.sift.stores import VectorAdapter, known_vectors
from sift_retrievers.retrieval import (
    EmbeddingCache,
    Hits,
    Target,
    check_hits,
    no_hits,
    stacked,
)

REEMBEDDED = "embedded again"


class VectorSearch(VectorIndexRetriever):
    """LlamaIndex's retriever of nearest neighbours, which also says where their vectors are."""

    def hits(
        self,
        target: Target,
        query_str: str,
        fetch_top_k: int,
        adapter: VectorAdapter | None,
        cache: EmbeddingCache,
    ) -> Hits[NodeWithScore]:
        """The nearest nodes of a target, with their vectors.

        These are the node's own, if the store sent one along, else those that the store's adapter
        reads, else the node is embedded again.

        Raises:
            ValueError: if vectors are not finite numbers of the query's dimension.
            Exception: the store's own, with a note that names the store.
        """
        name = type(self._vector_store).__name__
        dim = len(target.vector)
        try:
            query = self._build_vector_store_query(
                QueryBundle(query_str=query_str, embedding=target.vector.tolist())
            )
            query.similarity_top_k = fetch_top_k
            # As `index.as_retriever` does, but of now: an index shares its store with others.
            query.node_ids = (
                query.node_ids or [*self._index.index_struct.nodes_dict.values()] or None
            )
            result = _queried(self._vector_store, query, self._kwargs)
            if result is None:
                return no_hits(dim)
            sent = {node.node_id: node.embedding for node in result.nodes or []}
            wanted = self._determine_nodes_to_fetch(result)
            if wanted:
                fetched = self._docstore.get_nodes(node_ids=wanted, raise_error=False)
                result.nodes = self._insert_fetched_nodes_into_query_result(result, fetched)
            found = self._convert_nodes_to_scored_nodes(result)
            nodes = [scored.node for scored in found]
            ids = [*(result.ids or (node.node_id for node in nodes))]
            stored = {key: vector for key, vector in sent.items() if vector is not None}
            missing = [i for i, n in zip(ids, nodes, strict=True) if n.node_id not in stored]
            read, note = known_vectors(self._vector_store, missing, adapter)
        except Exception as error:
            error.add_note(
                f"while SIFT fetched the {fetch_top_k} nodes nearest to a vector of "
                f"dimension {dim} from {name}"
            )
            raise
        if not nodes:
            return no_hits(dim)
        vectors = [
            stored.get(node.node_id, read.get(key)) for key, node in zip(ids, nodes, strict=True)
        ]
        hits = with_vectors(found, vectors, self._embed_model, cache, dim, note)
        check_hits(name, hits, dim)
        return hits


def _queried(store: Any, query: VectorStoreQuery, kwargs: dict[str, Any]) -> Any:
    try:
        return store.query(query, **kwargs)
    except Warning as warning:
        if "empty" in str(warning):  # LanceDB's way to say that nothing was found
            return None
        raise


def with_vectors(
    found: Sequence[NodeWithScore],
    vectors: Sequence[Any],
    embed_model: BaseEmbedding,
    cache: EmbeddingCache,
    dim: int,
    note: str | None = None,
) -> Hits[NodeWithScore]:
    """Nodes with their vectors, of which the missing ones (None) are embedded in one call."""
    known = [*vectors]
    missing = [i for i, vector in enumerate(known) if vector is None]
    if missing:
        texts = [embedded_text(found[i].node) for i in missing]
        embedded = cache.embed(embed_model, texts, embed_model.get_text_embedding_batch)
        for i, vector in zip(missing, embedded, strict=True):
            known[i] = vector if len(vector) else np.zeros(dim, dtype=np.float32)
        own = f"{len(missing)} of {len(known)} {REEMBEDDED}"
        note = own if note is None else f"{note}; {own}"
    ids = [node.node.node_id for node in found]
    return Hits(stacked(known, ids, dim), ids, found.__getitem__, note)


def parent_of(key: str) -> Any:
    """What names a node's parent: one of its metadata, or `ref_doc_id`, its source document."""

    def parent(scored: NodeWithScore) -> Any:
        node: BaseNode = scored.node
        metadata: Mapping[str, Any] = node.metadata
        return node.ref_doc_id if key == "ref_doc_id" else metadata.get(key)

    return parent
