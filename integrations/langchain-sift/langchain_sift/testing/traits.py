"""`StoreTraits`: what the tests must know of a store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from langchain_core.documents import Document

from langchain_sift.stores import StoreReader
from langchain_sift.testing.passages import Vectors


@dataclass(frozen=True)
class StoreTraits:
    """What kind of store is tested."""

    metric: Literal["cosine", "l2", "ip"] = "cosine"
    """By which it ranks."""
    even: Mapping[str, Any] | None = None
    """search_kwargs that let through only documents whose metadata "parity" is "even"; None for a
    store without filters."""
    nothing: Mapping[str, Any] | None = None
    """search_kwargs that let no document through, such as a "number" of −1; None for none."""
    always: Mapping[str, Any] = field(default_factory=dict)
    """search_kwargs that every search needs."""
    stored: Callable[[Vectors], Vectors] | None = None
    """What the store makes of vectors `[n, d]`, the query's too, if it does not keep them as they
    are."""
    note: str | None = None
    """A part of the reader's note on that; None where vectors are kept as they are."""
    reader: type[StoreReader[Document]] | None = None
    """The reader; default: the one that is registered."""
    synchronous: bool = True
    """The store can be used without an event loop."""
    native_async: bool = False
    """The reader searches by the store's own asynchronous client."""
    looks_up: bool = True
    """The reader has `vectors_by_id`, and it works on this store."""
    keeps_ids: bool = True
    """The store keeps the ids that it is given."""
    may_be_empty: bool = True
    """A store without documents can be made and searched."""
    writable: bool = True
    """`add_documents` and `delete` (or `aadd_documents` and `adelete` where the store is not
    synchronous) work while others search."""
