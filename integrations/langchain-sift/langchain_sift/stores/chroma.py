"""`langchain_chroma.Chroma`: one query with the embeddings included."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import copy
from typing import Any

import numpy as np
import numpy.typing as npt
from langchain_core.documents import Document

from langchain_sift.stores.chroma_local import in_spite_of_deletions, is_local, passes, unchanged
from langchain_sift.stores.rows import hits_of_rows
from langchain_sift.stores.untouched import is_untouched
from sift_retrievers.retrieval import Hits, StoredVector, StoreReader
from sift_retrievers.retrieval.hits import no_hits


class ChromaReader(StoreReader[Document]):
    """Vectors as the embedding model gave them, whatever the collection's metric.

    A database in this process (`EphemeralClient`, `PersistentClient`) replaces the text of a row
    before its vector. Rows that another thread writes to during a search are found by asking for
    the distances again, and are left out. Two kinds of rows may still come with their new text and
    their old vector: those of a server, of which nobody can know it, and those of a single write
    that takes longer than a second.
    """

    def search(
        self,
        query: npt.NDArray[np.float32],
        fetch_k: int,
        *,
        filter: dict[str, Any] | None = None,
        where_document: dict[str, Any] | None = None,
    ) -> Hits[Document]:
        """The nearest, with texts, metadata and vectors from the search itself.

        Args:
            query: `[d]`.
            fetch_k: hits wanted.
            filter: Chroma's `where`; the metadata that are returned pass it.
            where_document: Chroma's.
        """
        asked = {
            "query_embeddings": [query],
            "n_results": fetch_k,
            "where": filter,
            "where_document": where_document,
        }
        collection = self.store._collection
        plain = _as_it_came(collection)
        if plain is None:
            return self._read(collection, asked, checked=False)
        if not is_local(plain):
            return self._read(plain, asked, checked=False)
        return in_spite_of_deletions(lambda: self._read(plain, asked, checked=True))

    def _read(self, collection: Any, asked: dict[str, Any], checked: bool) -> Hits[Document]:
        """The hits; without those that somebody wrote to meanwhile, if they are to be checked."""
        found = collection.query(
            **asked, include=["embeddings", "documents", "metadatas", "distances"]
        )
        parts = ("ids", "documents", "metadatas", "embeddings", "distances")
        ids, texts, metadata, vectors, distances = (found[part][0] for part in parts)
        rows: Iterable[int] = range(len(ids))
        if checked:
            rows = unchanged(collection, asked, ids, distances)
        kept = [
            i
            for i in rows
            # A row that was deleted meanwhile has neither.
            if (texts[i] is not None or metadata[i] is not None)
            and passes(asked["where"], metadata[i] or {})
        ]
        query = asked["query_embeddings"][0]
        if not kept:  # Chroma's empty list has no dimension
            return no_hits(len(query))
        whole = isinstance(vectors, np.ndarray)
        return hits_of_rows(
            query,
            ids=[ids[i] for i in kept],
            texts=[texts[i] for i in kept],
            metadata=[metadata[i] or {} for i in kept],
            vectors=vectors[kept] if whole else [vectors[i] for i in kept],
        )

    def vectors_by_id(self, ids: Sequence[str]) -> dict[str, StoredVector]:
        """The vectors of those ids that the collection has."""
        found = self.store._collection.get(ids=[*ids], include=["embeddings", "documents"])
        rows = zip(found["ids"], found["embeddings"], found["documents"], strict=True)
        return {name: StoredVector(vector, text or "") for name, vector, text in rows}


def _as_it_came(collection: Any) -> Any:
    """The collection, handing over embeddings as they came, lists of floats.

    The client would make an array of float64 of them, at the cost of a fifth of the search. None
    for a collection that is wrapped, patched or of a subclass: of a guard, say, that adds a filter.
    """
    plain = is_untouched(collection, "query", "chromadb")
    if not plain or not is_untouched(collection, "_transform_query_response", "chromadb"):
        return None
    same = copy(collection)
    same._transform_query_response = _unchanged
    return same


def _unchanged(response: Any, *_: Any, **__: Any) -> Any:
    return response
