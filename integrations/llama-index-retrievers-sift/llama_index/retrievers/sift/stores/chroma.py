"""`ChromaVectorStore`: one call returns embeddings and texts."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Any

from llama_index.retrievers.sift.stores.in_flight import read_settled
from sift_retrievers.retrieval import StoredVector, StoreReader


class ChromaReader(StoreReader[Any]):
    """Vectors as the embedding model gave them.

    A database in this process writes the text of a row before its vector, so rows that another
    thread is writing are left out. On a server such rows cannot be recognised.
    """

    def vectors_by_id(self, ids: Sequence[str]) -> dict[str, StoredVector]:
        """The vectors of those ids that the collection has, with their texts."""
        client = self.store._collection._client
        if type(client).__name__ != "RustBindingsAPI":
            return self._read(ids)
        own = vars(type(client))
        writes = [(own.get(name), itemgetter("ids")) for name in ("_upsert", "_update")]
        return read_settled(lambda: self._read(ids), writes)

    def _read(self, ids: Sequence[str]) -> dict[str, StoredVector]:
        found = self.store._collection.get(ids=[*ids], include=["embeddings", "documents"])
        rows = zip(found["ids"], found["embeddings"], found["documents"], strict=True)
        return {name: StoredVector(vector, text or "") for name, vector, text in rows}
