"""`langchain_pinecone.PineconeVectorStore`: the dense values of one index and namespace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from langchain_core.documents import Document

from langchain_sift.stores.rows import hits_of_rows
from sift_retrievers.retrieval import Hits, StoredVector, StoreReader


class PineconeReader(StoreReader[Document]):
    """Vectors as the embedding model gave them.

    As in the store's own search, records without a text under its text key are left out.
    """

    def search(
        self,
        query: npt.NDArray[np.float32],
        fetch_k: int,
        *,
        filter: dict[str, Any] | None = None,
        namespace: str | None = None,
    ) -> Hits[Document]:
        key = self.store._text_key
        found = self.store.index.query(
            vector=query.tolist(),
            top_k=fetch_k,
            filter=filter,
            namespace=self.store._namespace if namespace is None else namespace,
            include_values=True,
            include_metadata=True,
        )["matches"]
        matches = [match for match in found if key in (match.metadata or {})]
        return hits_of_rows(
            query,
            ids=[match.id for match in matches],
            texts=[match.metadata[key] for match in matches],
            metadata=[
                {name: value for name, value in match.metadata.items() if name != key}
                for match in matches
            ],
            vectors=[match.values for match in matches],
        )

    def vectors_by_id(self, ids: Sequence[str]) -> Mapping[str, StoredVector]:
        """The vectors of those ids that the store's namespace has."""
        store = self.store
        kept = store.index.fetch(ids=[*ids], namespace=store._namespace).vectors
        return {
            name: StoredVector(record.values, (record.metadata or {}).get(store._text_key))
            for name, record in kept.items()
            if record.values
        }
