"""`langchain_postgres.PGVectorStore`: PostgreSQL with pgvector, one table a store."""

from __future__ import annotations

import json
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
    hybrid_search_config: Any = None,
) -> Hits[Document]:
    """Vectors as the embedding model gave them.

    Every query runs on the store's own event loop, as its own synchronous methods do.
    """
    if getattr(store._engine, "_loop", None) is None:
        raise TypeError(
            "SIFT reads PGVectorStore through an engine with a loop of its own, as "
            "PGEngine.from_connection_string makes it; got one from PGEngine.from_engine"
        )
    table = store._PGVectorStore__vs
    hybrid = {} if hybrid_search_config is None else {"hybrid_search_config": hybrid_search_config}
    found = store._engine._run_as_sync(
        table._AsyncPGVectorStore__query_collection(
            embedding=query.tolist(), k=fetch_k, filter=filter, **hybrid
        )
    )
    ids = [str(row[table.id_column]) for row in found]

    def document(i: int) -> Document:
        row = found[i]
        metadata = row[table.metadata_json_column] if table.metadata_json_column else None
        metadata = dict(metadata or {})
        metadata |= {column: row[column] for column in table.metadata_columns}
        return Document(id=ids[i], page_content=row[table.content_column] or "", metadata=metadata)

    vectors = [row[table.embedding_column] for row in found]
    read = [json.loads(vector) if isinstance(vector, str) else vector for vector in vectors]
    return Hits(stacked(read, ids, len(query)), ids, document)
