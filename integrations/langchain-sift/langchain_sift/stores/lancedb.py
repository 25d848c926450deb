"""`langchain_community.vectorstores.LanceDB`: the vector column of an Arrow table."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from langchain_core.documents import Document

from sift_retrievers.retrieval import Hits, no_hits, stacked


def fetch(
    store: Any,
    query: npt.NDArray[np.float32],
    fetch_k: int,
    *,
    filter: str | dict[str, Any] | None = None,
    prefilter: bool = True,
    metrics: str | None = None,
    name: str | None = None,
) -> Hits[Document]:
    """Vectors as the embedding model gave them.

    Filters before the cut, where the store's own search filters what is left after it, unless
    `prefilter=False` asks for that.
    """
    table = store.get_table(name)
    if table is None:  # nothing was ever added
        return no_hits(len(query))
    search = table.search(query=query, vector_column_name=store._vector_key).limit(fetch_k)
    if metrics is not None:
        search = search.distance_type(metrics)
    if filter is not None:
        search = search.where(_condition(filter), prefilter=prefilter)
    rows = search.to_arrow()
    ids = [str(row) for row in rows[store._id_key].to_pylist()]
    has_metadata = "metadata" in rows.schema.names

    def document(i: int) -> Document:
        return Document(
            id=ids[i],
            page_content=rows[store._text_key][i].as_py() or "",
            metadata=(rows["metadata"][i].as_py() or {}) if has_metadata else {},
        )

    column = rows[store._vector_key].combine_chunks()
    if len(ids) == 0 or column.null_count:
        return Hits(stacked(column.to_pylist(), ids, len(query)), ids, document)
    vectors = column.flatten().to_numpy(zero_copy_only=False).reshape(len(ids), -1)
    return Hits(vectors.astype(np.float32, copy=False), ids, document)


def _condition(filter: str | dict[str, Any]) -> str:
    """The filter as SQL, in the store's own translation."""
    if isinstance(filter, str):
        return filter
    from langchain_community.vectorstores.lancedb import to_lance_filter

    condition: str = to_lance_filter(filter)
    return condition
