"""`langchain_chroma.Chroma`: one query with the embeddings included."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from langchain_core.documents import Document

from sift_retrievers.retrieval import Hits, no_hits, one_of


def fetch(
    store: Any,
    query: npt.NDArray[np.float32],
    fetch_k: int,
    *,
    filter: dict[str, Any] | None = None,
    where_document: dict[str, Any] | None = None,
) -> Hits[Document]:
    """Vectors as the embedding model gave them, whatever the collection's metric.

    Texts and metadata are read for the chosen passages alone, in a second call.
    """
    found = store._collection.query(
        query_embeddings=query[None],
        n_results=fetch_k,
        where=filter,
        where_document=where_document,
        include=["embeddings"],
    )
    ids = found["ids"][0]
    if len(ids) == 0:  # Chroma's empty list has no dimension
        return no_hits(len(query))

    def load(positions: Sequence[int]) -> list[Document | None]:
        rows = store._collection.get(
            ids=[ids[i] for i in positions], include=["documents", "metadatas"]
        )
        kept = {  # Chroma returns them in an order of its own
            name: Document(id=name, page_content=text or "", metadata=dict(metadata or {}))
            for name, text, metadata in zip(
                rows["ids"], rows["documents"], rows["metadatas"], strict=True
            )
        }
        return [kept.get(ids[i]) for i in positions]

    vectors = np.asarray(found["embeddings"][0], dtype=np.float32)
    return Hits(vectors, ids, one_of(load), load=load)


def vectors_by_id(store: Any, ids: Sequence[str]) -> dict[str, Any]:
    """The vectors of those ids that the store has."""
    found = store._collection.get(ids=[*ids], include=["embeddings"])
    return dict(zip(found["ids"], found["embeddings"], strict=True))
