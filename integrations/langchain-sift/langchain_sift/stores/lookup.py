"""The stored vectors of documents that somebody else found, by id."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from langchain_sift.stores.registry import ADAPTERS


def stored_vectors(store: object, ids: Sequence[str]) -> dict[str, Any]:
    """The vectors that a store holds under some ids; ids that it does not know are left out.

    Read by the function `vectors_by_id(store, ids)` beside the store's adapter.

    Raises:
        TypeError: if the store's adapter has none; the message says which have.
    """
    adapter = ADAPTERS.find(store)
    module = None if adapter is None else sys.modules.get(getattr(adapter, "__module__", ""))
    by_id = getattr(module, "vectors_by_id", None)
    if by_id is None:
        raise TypeError(
            f"vectors cannot be looked up by id in {type(store).__name__}; they can in Chroma, "
            "FAISS, InMemoryVectorStore, Milvus, PGVector and QdrantVectorStore. Pass "
            "embedding=... instead: the texts are then embedded in one call"
        )
    found: dict[str, Any] = by_id(store, ids) if ids else {}
    return found
