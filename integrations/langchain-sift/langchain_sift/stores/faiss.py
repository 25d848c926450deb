"""`langchain_community.vectorstores.FAISS`: any faiss index that can reconstruct its vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from langchain_core.documents import Document

from langchain_sift.stores.docstore import document_of, documents_of
from sift_retrievers.retrieval import Hits

METRIC_INNER_PRODUCT = 0  # faiss.METRIC_INNER_PRODUCT; all other metrics are used as L2
EXACT = {"IndexFlat", "IndexFlatL2", "IndexFlatIP", "IndexHNSWFlat", "IndexIVFFlat"}
CHUNK = 2**14  # vectors reconstructed at a time


def fetch(
    store: Any,
    query: npt.NDArray[np.float32],
    fetch_k: int,
    *,
    filter: Callable[[dict[str, Any]], bool] | dict[str, Any] | None = None,
) -> Hits[Document]:
    """Vectors as the index holds them (of unit length if the store was made with `normalize_L2`).

    The filter is applied before the `fetch_k` nearest are cut (the store's own search filters what
    is left after the cut), and then the search is exact: all vectors that pass are compared.
    """
    if len(query) != store.index.d:
        raise ValueError(
            f"the FAISS index holds vectors of dimension {store.index.d}, but the query's "
            f"embedding has dimension {len(query)}: is `embedding` the model that filled the store?"
        )
    if store._normalize_L2:
        query = query / np.linalg.norm(query)
    if filter is None:
        labels, vectors = _search(store.index, query, min(fetch_k, store.index.ntotal))
    else:
        allowed = _allowed_positions(store, filter)
        labels, vectors = _search_among(store.index, query, allowed, min(fetch_k, len(allowed)))
    ids = [*map(store.index_to_docstore_id.__getitem__, labels.tolist())]
    return Hits(
        vectors,
        ids,
        lambda i: document_of(store, ids[i]),
        note=note(store),
        load=lambda positions: documents_of(store, map(ids.__getitem__, positions)),
    )


def note(store: Any) -> str | None:
    """In what the vectors differ from those that the embedding model gave."""
    if store._normalize_L2:
        return "scaled to unit length by normalize_L2"
    name = type(store.index).__name__
    return None if name in EXACT else f"as the {name} reconstructs them"


def _search(
    index: Any, query: npt.NDArray[np.float32], limit: int, **parameters: Any
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Positions `[n]` and vectors `[n, d]` of the n ≤ limit hits of any index."""
    if limit == 0:  # faiss refuses to look for nothing
        return np.empty(0, dtype=np.int64), np.empty((0, len(query)), dtype=np.float32)
    _, labels, vectors = index.search_and_reconstruct(query[None], limit, **parameters)
    found = labels[0] >= 0  # faiss pads with −1 what an approximate index did not find
    if found.all():
        return labels[0], vectors[0]
    return labels[0][found], vectors[0][found]


def _search_among(
    index: Any, query: npt.NDArray[np.float32], allowed: npt.NDArray[np.int64], limit: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """The same, among some positions only: the nearest of all that are allowed, exactly."""
    if limit == 0:
        return _search(index, query, 0)
    labels = np.empty(0, dtype=np.int64)
    vectors = np.empty((0, len(query)), dtype=np.float32)
    for start in range(0, len(allowed), CHUNK):
        part = allowed[start : start + CHUNK]
        try:
            found = index.reconstruct_batch(part)
        except RuntimeError:  # inverted lists without a direct map
            return _search_deeper(index, query, allowed, limit)
        labels, vectors = np.concatenate([labels, part]), np.concatenate([vectors, found])
        if index.metric_type == METRIC_INNER_PRODUCT:
            far = -(vectors @ query)
        else:
            far = np.square(vectors - query).sum(axis=1)
        nearest = np.argsort(far, kind="stable")[:limit]
        labels, vectors = labels[nearest], vectors[nearest]
    return labels, vectors


def _search_deeper(
    index: Any, query: npt.NDArray[np.float32], allowed: npt.NDArray[np.int64], limit: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Search further down, in all inverted lists, until enough hits are allowed."""
    import faiss  # here, so that importing this adapter never imports a store's package

    parameters: dict[str, Any] = {}
    if isinstance(faiss.downcast_index(index), faiss.IndexIVF):
        parameters["params"] = faiss.SearchParametersIVF(nprobe=faiss.downcast_index(index).nlist)
    depth = limit
    while True:
        labels, vectors = _search(index, query, depth, **parameters)
        passed = np.isin(labels, allowed)
        if passed.sum() >= limit or len(labels) < depth or depth >= index.ntotal:
            return labels[passed][:limit], vectors[passed][:limit]
        depth = min(4 * depth, index.ntotal)


def _allowed_positions(
    store: Any, filter: Callable[[dict[str, Any]], bool] | dict[str, Any]
) -> npt.NDArray[np.int64]:
    accepts = store._create_filter_func(filter)
    known = dict(store.index_to_docstore_id)
    documents = zip(known, documents_of(store, known.values()), strict=True)
    return np.array(
        [position for position, document in documents if accepts(document.metadata)],
        dtype=np.int64,
    )


def vectors_by_id(store: Any, ids: Sequence[str]) -> dict[str, Any]:
    """The vectors of those ids that the store has; none from an index that cannot tell one."""
    wanted = {*ids}
    try:
        return {
            docstore_id: store.index.reconstruct(position)
            for position, docstore_id in store.index_to_docstore_id.items()
            if docstore_id in wanted
        }
    except RuntimeError:
        return {}
