"""`langchain_qdrant.QdrantVectorStore`: a local or remote collection, its dense vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
from langchain_core.documents import Document

from langchain_sift.stores.untouched import is_untouched
from sift_retrievers.retrieval import Hits, stacked


def fetch(
    store: Any,
    query: npt.NDArray[np.float32],
    fetch_k: int,
    *,
    filter: Any = None,
    search_params: Any = None,
    offset: int = 0,
    consistency: Any = None,
    **options: Any,
) -> Hits[Document]:
    """The nearest by the dense vectors, also where the store's own search is hybrid.

    Collections with cosine distance hold vectors of unit length. Texts and metadata come with
    the search itself: a second read by id would not obey the filter.
    """
    name = store.vector_name
    said = note(store)  # refuses collections without dense vectors of that name
    found = None
    if filter is search_params is consistency is None and offset == 0 and not options:
        found = _in_place(store, query, fetch_k)
    if found is None:
        points = store.client.query_points(
            collection_name=store.collection_name,
            query=query.tolist(),
            using=name,
            query_filter=filter,
            search_params=search_params,
            limit=fetch_k,
            offset=offset,
            with_payload=True,
            with_vectors=[name] if name else True,
            consistency=consistency,
            **options,
        ).points
        dense = [p.vector.get(name) if isinstance(p.vector, dict) else p.vector for p in points]
        vectors = stacked(dense, [str(point.id) for point in points], len(query))
        found = points, vectors, [point.payload for point in points]
    points, vectors, payloads = found
    return Hits(
        vectors.astype(np.float32, copy=False),
        [str(point.id) for point in points],
        lambda i: _document(store, points[i], payloads[i]),
        said,
        **_read_without_documents(store, payloads),
    )


def _in_place(
    store: Any, query: npt.NDArray[np.float32], fetch_k: int
) -> tuple[Any, Any, Any] | None:
    """Points, vectors and payloads of a client in local mode, from its own arrays.

    The client would turn the query into float64 and with it, at every search, all vectors, copy the
    payloads and hand the vectors over as lists. None where a row was written to meanwhile, and
    for any client but the plain one: what a subclass or a guard adds to a search must be added.
    """
    local = _local_collection(store)
    if local is None:
        return None
    points = local.search((store.vector_name, query), limit=fetch_k, with_payload=False)
    try:
        rows = [local.ids[point.id] for point in points]
        payloads = [*map(local.payload.__getitem__, rows)]
        vectors = local.vectors[store.vector_name][rows]
        after = [*map(local.payload.__getitem__, rows)]
    except (IndexError, KeyError):
        return None
    same = all(one is other for one, other in zip(payloads, after, strict=True))
    return (points, vectors, payloads) if same else None


def _read_without_documents(store: Any, payloads: Sequence[Any]) -> dict[str, Any]:
    """Texts and metadata as the store's own documents have them."""
    for cls in type(store).__mro__:
        if "_document_from_point" in vars(cls) and cls.__name__ != "QdrantVectorStore":
            return {}  # a subclass builds its documents in another way
    content, metadata = store.content_payload_key, store.metadata_payload_key
    return {
        "texts": [(payload or {}).get(content) or "" for payload in payloads],
        "metadata": [(payload or {}).get(metadata) for payload in payloads],
    }


def _local_collection(store: Any) -> Any:
    """The collection of a plain client in local mode; None for any other client."""
    local: Any = getattr(store.client, "_client", None)
    plain = is_untouched(store.client, "query_points", "qdrant_client")
    if not plain or type(local).__name__ != "QdrantLocal":
        return None
    if not is_untouched(local, "query_points", "qdrant_client"):
        return None
    collection = local._get_collection(store.collection_name)
    known = isinstance(getattr(collection, "ids", None), dict) and hasattr(collection, "search")
    return collection if known and store.vector_name in collection.vectors else None


def _document(store: Any, point: Any, payload: Any) -> Document:
    """As the store's own search builds it, which writes into the metadata that it gets."""
    payload = dict(payload or {})
    key = store.metadata_payload_key
    payload[key] = dict(payload.get(key) or {})
    found: Document = store._document_from_point(
        point.model_copy(update={"payload": payload}),
        store.collection_name,
        store.content_payload_key,
        key,
    )
    found.id = str(point.id)
    return found


_notes: WeakKeyDictionary[Any, str | None] = WeakKeyDictionary()


def note(store: Any) -> str | None:
    """What the collection does to its vectors; asked once, it does not change.

    Raises:
        ValueError: if the collection has no dense vectors of the store's name.
    """
    if store not in _notes:
        _notes[store] = _note(store)
    return _notes[store]


def _note(store: Any) -> str | None:
    config = store.client.get_collection(store.collection_name).config.params.vectors
    if isinstance(config, dict):
        config = config.get(store.vector_name)
    if config is None:
        raise ValueError(
            f"the Qdrant collection {store.collection_name!r} has no dense vectors named "
            f"{store.vector_name!r}: pass the store with vector_name= of its dense vectors"
        )
    notes = []
    if config.distance == "Cosine":
        notes.append("scaled to unit length by the collection's cosine distance")
    if config.datatype not in (None, "float32"):
        notes.append(f"stored as {config.datatype}")
    return ", ".join(notes) or None


def vectors_by_id(store: Any, ids: Sequence[str]) -> dict[str, Any]:
    """The vectors of those ids that the store has."""
    name = store.vector_name
    keys = [key for key in map(_key, ids) if key is not None]
    points = store.client.retrieve(
        store.collection_name,
        ids=keys,
        with_payload=False,
        with_vectors=[name] if name else True,
    )
    return {
        str(point.id): point.vector.get(name) if isinstance(point.vector, dict) else point.vector
        for point in points
    }


def _key(name: str) -> int | str | None:
    """A point's id as Qdrant has it, a number or a UUID; None for what cannot be one."""
    if name.isdecimal():
        return int(name)
    try:
        return str(UUID(name))
    except ValueError:
        return None
