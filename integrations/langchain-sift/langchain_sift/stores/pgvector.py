"""`langchain_postgres.PGVector`: PostgreSQL with pgvector, the older of the two stores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from langchain_core.documents import Document

from sift_retrievers.retrieval import Hits, stacked


def fetch(
    store: Any,
    query: npt.NDArray[np.float32],
    fetch_k: int,
    *,
    filter: dict[str, Any] | None = None,
) -> Hits[Document]:
    """Vectors as the embedding model gave them."""
    _check_mode(store)
    found = store._PGVector__query_collection(embedding=query.tolist(), k=fetch_k, filter=filter)
    rows = [row.EmbeddingStore for row in found]
    ids = [str(row.id) for row in rows]

    def document(i: int) -> Document:
        row = rows[i]
        return Document(
            id=ids[i], page_content=row.document or "", metadata=dict(row.cmetadata or {})
        )

    return Hits(stacked([row.embedding for row in rows], ids, len(query)), ids, document)


def vectors_by_id(store: Any, ids: Sequence[str]) -> dict[str, Any]:
    """The vectors of those ids that the collection has."""
    _check_mode(store)
    kept = store.EmbeddingStore
    with store._make_sync_session() as session:
        collection = store.get_collection(session)
        rows = session.query(kept).filter(
            kept.collection_id == collection.uuid, kept.id.in_([*ids])
        )
        return {str(row.id): row.embedding for row in rows}


def _check_mode(store: Any) -> None:
    if store.async_mode:
        raise TypeError(
            "SIFT reads PGVector through a connection that is not async_mode; its calls run in a "
            "thread where the retriever is used asynchronously"
        )
