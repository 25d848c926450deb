"""Searches of a faiss index that also return the vectors."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

METRIC_INNER_PRODUCT: Final = 0
"""`faiss.METRIC_INNER_PRODUCT`; all other metrics are used as L2."""
EXACT: Final = frozenset(
    {"IndexFlat", "IndexFlatL2", "IndexFlatIP", "IndexHNSWFlat", "IndexIVFFlat"}
)
CHUNK: Final = 2**14  # vectors reconstructed at a time

Vectors = npt.NDArray[np.float32]
Positions = npt.NDArray[np.int64]


def check_dimension(index: Any, query: Vectors) -> None:
    """Raise a ValueError if a query `[d]` does not have the dimension of the index."""
    if len(query) != index.d:
        raise ValueError(
            f"the FAISS index holds vectors of dimension {index.d}, but the query's embedding has "
            f"dimension {len(query)}: is `embedding` the model that filled the store?"
        )


def lossy(index: Any) -> str | None:
    """How the vectors of an index differ from those that were added; None if they do not."""
    name = type(index).__name__
    return None if name in EXACT else f"as the {name} reconstructs them"


def nearest(index: Any, query: Vectors, limit: int, **parameters: Any) -> tuple[Positions, Vectors]:
    """Positions `[n]` and vectors `[n, d]` of the n ≤ limit hits of any index."""
    limit = min(limit, index.ntotal)
    if limit == 0:  # faiss raises an error in this case
        return np.empty(0, dtype=np.int64), np.empty((0, len(query)), dtype=np.float32)
    _, labels, vectors = index.search_and_reconstruct(query[None], limit, **parameters)
    found = labels[0] >= 0  # −1 where an approximate index found fewer
    if found.all():
        return labels[0], vectors[0]
    return labels[0][found], vectors[0][found]


def nearest_among(
    index: Any, query: Vectors, allowed: Positions, limit: int
) -> tuple[Positions, Vectors]:
    """As `nearest`, but among some positions only: exactly the nearest of those allowed."""
    limit = min(limit, len(allowed))
    if limit == 0:
        return nearest(index, query, 0)
    labels = np.empty(0, dtype=np.int64)
    vectors = np.empty((0, len(query)), dtype=np.float32)
    for start in range(0, len(allowed), CHUNK):
        chunk = allowed[start : start + CHUNK]
        try:
            found = index.reconstruct_batch(chunk)
        except RuntimeError:  # inverted lists without a direct map
            return _search_deeper(index, query, allowed, limit)
        labels, vectors = np.concatenate([labels, chunk]), np.concatenate([vectors, found])
        if index.metric_type == METRIC_INNER_PRODUCT:
            far = -(vectors @ query)
        else:
            far = np.square(vectors - query).sum(axis=1)
        order = np.argsort(far, kind="stable")[:limit]
        labels, vectors = labels[order], vectors[order]
    return labels, vectors


def _search_deeper(
    index: Any, query: Vectors, allowed: Positions, limit: int
) -> tuple[Positions, Vectors]:
    """Search for more and more neighbours, in all inverted lists, until enough are allowed."""
    import faiss  # here, so that importing a reader never imports a store's package

    parameters: dict[str, Any] = {}
    if isinstance(faiss.downcast_index(index), faiss.IndexIVF):
        parameters["params"] = faiss.SearchParametersIVF(nprobe=faiss.downcast_index(index).nlist)
    depth = limit
    while True:
        labels, vectors = nearest(index, query, depth, **parameters)
        passed = np.isin(labels, allowed)
        if passed.sum() >= limit or len(labels) < depth or depth >= index.ntotal:
            return labels[passed][:limit], vectors[passed][:limit]
        depth = min(4 * depth, index.ntotal)
