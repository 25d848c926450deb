"""`langchain_community.vectorstores.DuckDB`: one SQL query, on a cursor of its own."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import numpy.typing as npt
from langchain_core.documents import Document

from sift_retrievers.retrieval import Hits, stacked


def fetch(store: Any, query: npt.NDArray[np.float32], fetch_k: int) -> Hits[Document]:
    """The nearest by cosine; vectors as the embedding model gave them.

    The store's search takes no filter. A cursor makes calls from several threads safe; it sees
    what is committed.
    """
    similarity = f'list_cosine_similarity("{store._vector_key}", ?::FLOAT[])'
    cursor = store._connection.cursor()
    try:
        found = cursor.execute(
            f'SELECT "{store._id_key}", "{store._text_key}", metadata, "{store._vector_key}" '
            f"FROM {store._table_name} "
            # NaN, of a zero vector, would come first
            f"ORDER BY coalesce(nullif({similarity}, 'NaN'::FLOAT), -2) DESC LIMIT ?",
            [query.tolist(), fetch_k],
        ).fetchall()
    finally:
        cursor.close()
    ids = [str(row[0]) for row in found]

    def document(i: int) -> Document:
        _, text, metadata, _ = found[i]
        return Document(
            id=ids[i], page_content=text or "", metadata=json.loads(metadata) if metadata else {}
        )

    return Hits(stacked([row[3] for row in found], ids, len(query)), ids, document)
