"""Qdrant's local mode, in which the client of this process holds the rows in arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from langchain_sift.stores.untouched import is_untouched
from langchain_sift.stores.writers import is_running


class Rows(NamedTuple):
    """Some rows of a collection; text and vector of each were written together."""

    ids: list[Any]
    vectors: Any
    """`[n, d]`, an array or a list."""
    payloads: list[Any]


def local_collection(store: Any, method: str) -> Any:
    """The collection of an unmodified client in local mode; None for any other client.

    A subclass, a proxy or a patched method may add something to a search, such as a filter, that
    would be missing if the collection were read directly.

    Args:
        store: any Qdrant store.
        method: the name of the client's method that is not called.
    """
    local: Any = getattr(store.client, "_client", None)
    plain = is_untouched(store.client, method, "qdrant_client")
    if not plain or type(local).__name__ != "QdrantLocal":
        return None
    if not is_untouched(local, method, "qdrant_client"):
        return None
    collection = local._get_collection(store.collection_name)
    known = isinstance(getattr(collection, "ids", None), dict) and hasattr(collection, "search")
    return collection if known and store.vector_name in collection.vectors else None


def is_written(collection: Any) -> bool:
    """Whether another thread is writing a row at this moment, in any local collection."""
    own = vars(type(collection))
    return is_running(own.get("_add_point"), own.get("_update_point"))


def read_rows(collection: Any, name: str, ids: Sequence[Any], filter: Any) -> Rows | None:
    """The rows with these ids that exist and pass a filter; None if one was written to meanwhile.

    The collection has no lock. A writer first replaces the payload of a row and then overwrites its
    vector. Two checks make sure that payload and vector belong together: no write may be running
    after the payloads were read, and the payloads must be the same before and after the vectors
    were read.

    Args:
        collection: see `local_collection`.
        name: of the dense vectors.
        ids: of rows that a search has found.
        filter: a Qdrant filter or None. It is applied to the same payloads that are returned.
    """
    positions = [collection.ids[point] for point in ids if point in collection.ids]
    payloads = [*map(collection.payload.__getitem__, positions)]
    if is_written(collection):
        return None
    vectors = collection.vectors[name][positions]
    again = map(collection.payload.__getitem__, positions)
    if not all(one is other for one, other in zip(payloads, again, strict=True)):
        return None
    deleted, without = collection.deleted, collection.deleted_per_vector[name]
    kept = [i for i, at in enumerate(positions) if not (deleted[at] or without[at])]
    if filter is not None:
        kept = [i for i in kept if _passes(collection, filter, positions[i], payloads[i])]
    return Rows(
        ids=[collection.ids_inv[positions[i]] for i in kept],
        vectors=vectors if len(kept) == len(vectors) else vectors[kept],
        payloads=[payloads[i] for i in kept],
    )


def _passes(collection: Any, filter: Any, position: int, payload: Any) -> bool:
    """Whether a payload passes a filter, by the function that the client's search uses."""
    from qdrant_client.local.payload_filters import check_filter

    return check_filter(
        filter,
        payload,
        collection.ids_inv[position],
        collection._calculate_has_vector(position),
    )
