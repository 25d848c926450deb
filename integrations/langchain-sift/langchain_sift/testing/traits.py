"""`StoreTraits`: what the tests must know about a store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from langchain_core.documents import Document

from langchain_sift.stores import StoreReader
from langchain_sift.testing.passages import Vectors


@dataclass(frozen=True)
class StoreTraits:
    """Properties of the store that is tested."""

    metric: Literal["cosine", "l2", "ip"] = "cosine"
    """The distance or similarity by which the store ranks."""
    even: Mapping[str, Any] | None = None
    """search_kwargs by which only documents whose metadata "parity" is "even" are found; None for a
    store without filters."""
    nothing: Mapping[str, Any] | None = None
    """search_kwargs by which no document is found, such as a "number" of −1; None: not tested."""
    always: Mapping[str, Any] = field(default_factory=dict)
    """search_kwargs that every search needs."""
    stored: Callable[[Vectors], Vectors] | None = None
    """A function that changes vectors `[n, d]` as the store does, the query included; None if the
    store keeps them as they are."""
    note: str | None = None
    """A part of the reader's note about this change; None if there is no note."""
    reader: type[StoreReader[Document]] | None = None
    """The reader; default: the one that is registered."""
    synchronous: bool = True
    """The store can be used without an event loop."""
    native_async: bool = False
    """The reader uses the store's own asynchronous client."""
    looks_up: bool = True
    """The reader has `vectors_by_id`, and it works on this store."""
    keeps_ids: bool = True
    """The store keeps the ids that it is given."""
    may_be_empty: bool = True
    """A store without documents can be made and searched."""
    writable: bool = True
    """`add_documents` and `delete` (`aadd_documents` and `adelete` if the store is not synchronous)
    work during searches of other threads or tasks."""
