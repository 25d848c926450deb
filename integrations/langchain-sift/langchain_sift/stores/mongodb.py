"""`langchain_mongodb.MongoDBAtlasVectorSearch`: the embedding field of a collection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt
from langchain_core.documents import Document

from langchain_sift.stores.hits import hits_of
from sift_retrievers.retrieval import Hits, StoredVector, StoreReader


class MongoDBReader(StoreReader[Document]):
    """Vectors as the embedding model gave them, or in the lower precision of a BSON vector."""

    def search(
        self,
        query: npt.NDArray[np.float32],
        fetch_k: int,
        *,
        pre_filter: dict[str, Any] | None = None,
        post_filter_pipeline: list[dict[str, Any]] | None = None,
        oversampling_factor: int = 10,
    ) -> Hits[Document]:
        """The nearest documents; `post_filter_pipeline` is applied to the `fetch_k` nearest."""
        key = self._embedding_key
        found = self.store._similarity_search_with_score(
            query.tolist(),
            k=fetch_k,
            pre_filter=pre_filter,
            post_filter_pipeline=post_filter_pipeline,
            oversampling_factor=oversampling_factor,
            include_embeddings=True,
        )
        documents = [document for document, _ in found]
        kept = [document.metadata.pop(key, None) for document in documents]
        packed = {v.as_vector().dtype.name.lower() for v in kept if hasattr(v, "as_vector")}
        note = ", ".join(f"stored as {name}" for name in sorted(packed - {"float32"})) or None
        return hits_of(documents, [_unpacked(vector) for vector in kept], query, note=note)

    def vectors_by_id(self, ids: Sequence[str]) -> Mapping[str, StoredVector]:
        """The vectors of those ids that the collection has."""
        names = import_module("langchain_mongodb.utils")
        key, text = self._embedding_key, self.store._text_key
        rows = self.store.collection.find(
            {"_id": {"$in": [names.str_to_oid(name) for name in ids]}}, {key: 1, text: 1}
        )
        return {
            names.oid_to_str(row["_id"]): StoredVector(_unpacked(row[key]), row.get(text) or "")
            for row in rows
            if key in row
        }

    @property
    def _embedding_key(self) -> str:
        if self.store._is_autoembedding:
            raise TypeError(
                "this MongoDB store embeds inside the server and keeps no vectors in its "
                "documents: SIFT reads a MongoDBAtlasVectorSearch with an embedding model and an "
                "embedding_key"
            )
        key: str = self.store._embedding_key
        return key


def _unpacked(vector: Any) -> Any:
    """The numbers of a vector that is stored as a BSON Binary; other vectors unchanged."""
    return vector.as_vector().data if hasattr(vector, "as_vector") else vector
