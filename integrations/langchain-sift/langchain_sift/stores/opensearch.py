"""`langchain_community.vectorstores.OpenSearchVectorSearch`: one vector field of an index."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from langchain_core.documents import Document

from langchain_sift.stores.unit_length import unit_length_note
from sift_retrievers.retrieval import Hits, stacked

DEEPEST = 10_000  # the most neighbours that OpenSearch looks for


def fetch(
    store: Any,
    query: npt.NDArray[np.float32],
    fetch_k: int,
    *,
    filter: Any = None,
    efficient_filter: dict[str, Any] | None = None,
    boolean_filter: Any = None,
    subquery_clause: str | None = None,
    lucene_filter: dict[str, Any] | None = None,
    pre_filter: dict[str, Any] | None = None,
    search_type: str = "approximate_search",
    space_type: str | None = None,
    score_threshold: float | None = 0.0,
    index_name: str | None = None,
    vector_field: str = "vector_field",
    text_field: str = "text",
    metadata_field: str = "metadata",
) -> Hits[Document]:
    """Vectors as `_source` has them: Faiss scales those of a cosinesimil field to unit length.

    A `boolean_filter` (which `filter` becomes unless the store's engine is faiss or lucene) drops
    hits after the server's cut: where that leaves fewer than `fetch_k`, the server searches again,
    as deep as it can.
    """
    if search_type == "hybrid_search":
        raise TypeError("SIFT ranks by vectors alone: leave out search_type='hybrid_search'")
    options = {
        "filter": filter,
        "efficient_filter": efficient_filter,
        "boolean_filter": boolean_filter,
        "subquery_clause": subquery_clause,
        "lucene_filter": lucene_filter,
        "pre_filter": pre_filter,
        "space_type": space_type,
        "index_name": index_name,
    }
    hits = store._raw_similarity_search_with_score_by_vector(
        query.tolist(),
        fetch_k,
        score_threshold,
        search_type=search_type,
        vector_field=vector_field,
        **{name: value for name, value in options.items() if value is not None},
    )
    if not (efficient_filter or lucene_filter or store.engine in ("faiss", "lucene")):
        boolean_filter = boolean_filter or filter
    if search_type == "approximate_search" and boolean_filter and len(hits) < fetch_k < DEEPEST:
        clause = {"knn": {vector_field: {"vector": query.tolist(), "k": DEEPEST}}}
        hits = store.client.search(
            index=index_name or store.index_name,
            body={
                "size": fetch_k,
                "min_score": score_threshold,
                "query": {"bool": {"filter": boolean_filter, subquery_clause or "must": [clause]}},
            },
            **({"routing": store.routing} if store.routing else {}),
        )["hits"]["hits"]
    ids = [hit["_id"] for hit in hits]

    def document(i: int) -> Document:
        source = hits[i]["_source"]
        whole = metadata_field == "*" or metadata_field not in source
        metadata = source if whole else source[metadata_field]
        return Document(
            id=ids[i],
            page_content=source.get(text_field) or "",
            metadata={name: value for name, value in metadata.items() if name != vector_field},
        )

    vectors = stacked([hit["_source"].get(vector_field) for hit in hits], ids, len(query))
    return Hits(vectors, ids, document, unit_length_note(vectors, query))
