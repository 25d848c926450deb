"""`langchain_chroma.Chroma`: one query with the embeddings included."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any

import numpy as np
import numpy.typing as npt
from langchain_core.documents import Document

from langchain_sift.stores.untouched import is_untouched
from sift_retrievers.retrieval import Hits, StoredVector, StoreReader, no_hits, stacked


class ChromaReader(StoreReader[Document]):
    """Vectors as the embedding model gave them, whatever the collection's metric."""

    def search(
        self,
        query: npt.NDArray[np.float32],
        fetch_k: int,
        *,
        filter: dict[str, Any] | None = None,
        where_document: dict[str, Any] | None = None,
    ) -> Hits[Document]:
        """The nearest, with texts, metadata and vectors from the search itself."""
        found = _as_it_came(self.store._collection).query(
            query_embeddings=[query],
            n_results=fetch_k,
            where=filter,
            where_document=where_document,
            include=["embeddings", "documents", "metadatas"],
        )
        ids = found["ids"][0]
        if len(ids) == 0:  # Chroma's empty list has no dimension
            return no_hits(len(query))
        texts = [text or "" for text in found["documents"][0]]
        metadata = [fields or {} for fields in found["metadatas"][0]]
        vectors = found["embeddings"][0]
        if not isinstance(vectors, np.ndarray):
            vectors = stacked(vectors, ids, len(query))
        return Hits(
            vectors=vectors.astype(np.float32, copy=False),
            ids=ids,
            texts=texts,
            metadata=metadata,
            document=lambda i: Document(id=ids[i], page_content=texts[i], metadata=metadata[i]),
        )

    def vectors_by_id(self, ids: Sequence[str]) -> dict[str, StoredVector]:
        """The vectors of those ids that the collection has."""
        found = self.store._collection.get(ids=[*ids], include=["embeddings", "documents"])
        rows = zip(found["ids"], found["embeddings"], found["documents"], strict=True)
        return {name: StoredVector(vector, text or "") for name, vector, text in rows}


def _as_it_came(collection: Any) -> Any:
    """A collection that hands over embeddings as they came, lists of floats.

    The client would make an array of float64 of them, at the cost of a fifth of the search.
    """
    plain = is_untouched(collection, "query", "chromadb")
    if not plain or not is_untouched(collection, "_transform_query_response", "chromadb"):
        return collection  # of a guard, say, that adds a filter
    same = copy(collection)
    same._transform_query_response = _unchanged
    return same


def _unchanged(response: Any, *_: Any, **__: Any) -> Any:
    return response
