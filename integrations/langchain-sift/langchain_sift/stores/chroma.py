"""`langchain_chroma.Chroma`: one query that returns the embeddings, too."""

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
    before its vector. To find rows that another thread replaced during a search, the reader asks
    for the distances a second time and leaves out the rows whose distance has changed. A row may
    still be returned with its new text and its old vector in two cases: if the database is on a
    server, where the reader cannot see other writers, and if a single write takes longer than a
    second.
    """

    def search(
        self,
        query: npt.NDArray[np.float32],
        fetch_k: int,
        *,
        filter: dict[str, Any] | None = None,
        where_document: dict[str, Any] | None = None,
    ) -> Hits[Document]:
        """The nearest rows; one query returns their texts, metadata and vectors.

        Args:
            query: `[d]`.
            fetch_k: hits wanted.
            filter: Chroma's `where`. The returned metadata pass it.
            where_document: Chroma's argument of that name.
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
        """The hits. With `checked`, rows that were written to during the search are left out."""
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
            # A row that was deleted during the search has neither.
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
    """A copy of the collection that returns embeddings as lists of floats.

    Chroma's client would convert them to an array of float64, which takes a fifth of the time of a
    search. Returns None for a collection that is wrapped, patched or of a subclass, because it may
    add a filter to each query, for example.
    """
    plain = is_untouched(collection, "query", "chromadb")
    if not plain or not is_untouched(collection, "_transform_query_response", "chromadb"):
        return None
    same = copy(collection)
    same._transform_query_response = _unchanged
    return same


def _unchanged(response: Any, *_: Any, **__: Any) -> Any:
    return response
