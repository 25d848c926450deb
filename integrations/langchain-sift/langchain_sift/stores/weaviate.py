"""`langchain_weaviate.WeaviateVectorStore`: a collection, or a tenant of one."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from langchain_core.documents import Document

from langchain_sift.stores.unit_length import unit_length_note
from sift_retrievers.retrieval import Hits, stacked


def fetch(
    store: Any,
    query: npt.NDArray[np.float32],
    fetch_k: int,
    *,
    filters: Any = None,
    tenant: str | None = None,
    target_vector: str | None = None,
    return_properties: list[str] | None = None,
) -> Hits[Document]:
    """The nearest by the vectors, where the store's own search is hybrid.

    Vectors as the collection returns them: a compressed one as it unpacks them.
    """
    key = store._text_key
    properties = None if return_properties is None else [*{*return_properties, key}]
    with store._tenant_context(tenant) as collection:
        found = collection.query.near_vector(
            near_vector=query.tolist(),
            limit=fetch_k,
            filters=filters,
            target_vector=target_vector,
            include_vector=[target_vector] if target_vector else True,
            return_properties=properties,
        ).objects
    ids = [str(one.uuid) for one in found]

    def document(i: int) -> Document:
        metadata = dict(found[i].properties)
        return Document(id=ids[i], page_content=metadata.pop(key) or "", metadata=metadata)

    def searched(vectors: dict[str, Any]) -> Any:
        """The vector that was searched by: the server wants its name where there are several."""
        only = next(iter(vectors.values()), None) if target_vector is None else None
        return vectors.get(target_vector or "default", only)

    vectors = stacked([searched(one.vector) for one in found], ids, len(query))
    return Hits(vectors, ids, document, unit_length_note(vectors, query))
