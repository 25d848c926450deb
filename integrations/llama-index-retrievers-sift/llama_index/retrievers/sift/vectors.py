"""`NodeVectors`: the vectors of nodes, from a store or from the embedding model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.schema import NodeWithScore

from llama_index.retrievers.sift.nodes import embedded_text, plain_text
from sift_retrievers.retrieval import EmbeddingCache, Hits, StoredVector, StoreReader
from sift_retrievers.retrieval.hits import stacked
from sift_retrievers.retrieval.stores import check_vectors_by_id
from sift_retrievers.retrieval.work import OnLoop, Work, native

REEMBEDDED: Final = "embedded again"


@dataclass(frozen=True)
class NodeVectors:
    """Finds the vectors of nodes."""

    reader: StoreReader[Any] | None
    """Reads the store that holds the vectors; None if there is no store or no reader for it."""
    model: BaseEmbedding
    """Embeds the nodes whose vectors the store does not have."""
    cache: EmbeddingCache
    """Keeps the vectors that the model gave."""

    async def stored(self, work: Work, ids: Sequence[str]) -> Mapping[str, StoredVector]:
        """The vectors that the store holds under some ids."""
        reader = self.reader
        if reader is None or not ids:
            return {}
        found = await work.call(
            "fetch",
            reader.store,
            reader.vectors_by_id,
            [*dict.fromkeys(ids)],
            native=reader.avectors_by_id
            if isinstance(work, OnLoop) and reader.searches_async
            else None,
        )
        check_vectors_by_id(reader, found)
        return found

    async def hits(
        self,
        work: Work,
        found: Sequence[NodeWithScore],
        vectors: Sequence[StoredVector | None],
        dim: int,
    ) -> Hits[NodeWithScore]:
        """Make hits of n nodes.

        A vector that belongs to another text than the node's, because the row was replaced in the
        meantime, is not used. Nodes without a vector are embedded in one call.

        Args:
            work: makes the calls.
            found: the nodes.
            vectors: n, the known vectors; None for a node without one.
            dim: of the query's vector.
        """
        texts = [plain_text(scored.node) for scored in found]
        known: list[Any] = [
            one.vector if one is not None and one.text in (None, text) else None
            for one, text in zip(vectors, texts, strict=True)
        ]
        note = None if self.reader is None else self.reader.note()
        missing = [i for i, vector in enumerate(known) if vector is None]
        if missing:
            model = self.model
            again = [embedded_text(found[i].node) for i in missing]
            embedded = await self.cache.aembed(
                work,
                model,
                again,
                model.get_text_embedding_batch,
                native=model.aget_text_embedding_batch if _embeds_async(model) else None,
            )
            for i, vector in zip(missing, embedded, strict=True):
                known[i] = vector if len(vector) else np.zeros(dim, dtype=np.float32)
            said = f"{len(missing)} of {len(known)} {REEMBEDDED}"
            note = said if note is None or len(missing) == len(known) else f"{note}; {said}"
        ids = [scored.node.node_id for scored in found]
        return Hits(
            vectors=stacked(known, ids, dim),
            ids=ids,
            texts=texts,
            metadata=[scored.node.metadata for scored in found],
            document=found.__getitem__,
            note=note,
        )


def _embeds_async(model: BaseEmbedding) -> bool:
    own = ("_aget_text_embeddings", "_aget_text_embedding")
    return any(native(model, method) is not None for method in own)
