"""`langchain_pinecone.PineconeVectorStore`: the dense values of one index and namespace."""

from __future__ import annotations

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
    namespace: str | None = None,
) -> Hits[Document]:
    """Vectors as the embedding model gave them.

    As in the store's own search, records without a text under its text key are left out.
    """
    key = store._text_key
    found = store.index.query(
        vector=query.tolist(),
        top_k=fetch_k,
        filter=filter,
        namespace=store._namespace if namespace is None else namespace,
        include_values=True,
        include_metadata=True,
    )["matches"]
    matches = [match for match in found if key in (match.metadata or {})]
    ids = [match.id for match in matches]

    def document(i: int) -> Document:
        metadata = dict(matches[i].metadata)
        return Document(id=ids[i], page_content=metadata.pop(key), metadata=metadata)

    return Hits(stacked([match.values for match in matches], ids, len(query)), ids, document)
