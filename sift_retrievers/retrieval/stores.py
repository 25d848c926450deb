"""`StoreReader`: reads the hits of a search, and their vectors, from a vector store.

Each kind of store has a reader, a short class. It uses the store's own search and filters, and
returns the hits with the vectors that the store holds for them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from sift_retrievers.retrieval.hits import Hits

Vector = npt.NDArray[np.float32]
DocumentT = TypeVar("DocumentT")


class StoredVector(NamedTuple):
    """The vector of one row of a store, and the text of the same row."""

    vector: Any
    """`[d]`, an array or a list."""
    text: str | None = None
    """None if the store does not return it: then nothing can check that the vector belongs to the
    text that was found."""


class StoreReader(Generic[DocumentT]):
    """Reads one store.

    A subclass defines `search`, `vectors_by_id` or both, as far as the store can do it. Whatever is
    returned was read from rows that passed the filter: text, metadata, id and vector of a hit are
    those of one row at one moment. A search that gives ids alone, followed by a second read of
    their rows, does not promise that while somebody writes to the store.

    Many threads may use a reader at the same time.
    """

    ids_are_positions: ClassVar[bool] = False
    """Whether the store's ids are positions in an index, not the names of documents."""

    def __init__(self, store: Any) -> None:
        """Read this store."""
        self.store = store

    def search(
        self, query: Vector, fetch_k: int, *args: Any, **search_kwargs: Any
    ) -> Hits[DocumentT]:
        """The nearest rows that pass the store's filters.

        A subclass names the `search_kwargs` that its store takes, `filter` say, as keyword
        arguments; others are refused. Filters are applied before the `fetch_k` nearest are cut.

        Args:
            query: `[d]`.
            fetch_k: hits wanted; fewer come back where the store holds fewer.
            *args: none. They make type checkers accept subclasses that name their own keyword
                arguments.
            **search_kwargs: the store's own, under its own names.

        Returns:
            The hits, nearest first.
        """
        raise NotImplementedError(self.lacks("search"))

    async def asearch(
        self, query: Vector, fetch_k: int, *args: Any, **search_kwargs: Any
    ) -> Hits[DocumentT]:
        """Async version of `search`, by the store's own asynchronous client."""
        raise NotImplementedError(self.lacks("asearch"))

    @property
    def searches_async(self) -> bool:
        """Whether the asynchronous methods can be used in the event loop that runs now.

        True only for a store with an asynchronous client; else a thread is used.
        """
        return False

    def vectors_by_id(self, ids: Sequence[str]) -> Mapping[str, StoredVector]:
        """The vectors of those ids that the store has, each with the text of the same row.

        Args:
            ids: at least one, all different.
        """
        raise NotImplementedError(self.lacks("vectors_by_id"))

    async def avectors_by_id(self, ids: Sequence[str]) -> Mapping[str, StoredVector]:
        """Async version of `vectors_by_id`; works where `searches_async` is True."""
        raise NotImplementedError(self.lacks("avectors_by_id"))

    def note(self) -> str | None:
        """How the vectors by id differ from the embedding model's; None if they do not.

        For example "scaled to unit length by …" or "stored as int8". A search has `Hits.note`.
        """
        return None

    def lacks(self, method: str) -> str:
        """What the error says of a method that the subclass leaves out: its store cannot do it."""
        return f"{type(self).__name__} does not define {method} for {type(self.store).__name__}"

    @classmethod
    def can(cls, method: str) -> bool:
        """Whether the class defines "search" or "vectors_by_id"."""
        return getattr(cls, method) is not getattr(StoreReader, method)


def check_vectors_by_id(reader: StoreReader[Any], found: Any) -> None:
    """Check what `vectors_by_id` of a reader returned.

    Raises:
        TypeError: for anything but a mapping to `StoredVector`.
    """
    name = f"vectors_by_id of {type(reader).__name__}"
    if not isinstance(found, Mapping):
        raise TypeError(f"{name} must return {{id: StoredVector}}; got {type(found).__name__}")
    for key, row in found.items():
        if not isinstance(row, StoredVector):
            raise TypeError(
                f"{name} must return {{id: StoredVector}}; got {type(row).__name__} for {key!r}"
            )


def check_search_kwargs(
    reader: StoreReader[Any],
    search_kwargs: Mapping[str, Any],
    names_them: Callable[..., Any] | None = None,
) -> None:
    """Check that a store's search takes some arguments.

    Args:
        reader: of the store.
        search_kwargs: the arguments.
        names_them: the function that names them, as keywords of its own; default: `reader.search`.

    Raises:
        TypeError: if it does not take them; the message says which it takes.
    """
    if not search_kwargs:  # as usual: reading a signature takes longer than the check
        return
    parameters = [*inspect.signature(names_them or reader.search).parameters.values()]
    if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters):
        return
    named = [p.name for p in parameters]
    accepted = named[named.index("fetch_k") + 1 :] if "fetch_k" in named else named[2:]
    unknown = sorted(set(search_kwargs) - set(accepted))
    if unknown:
        name = type(reader.store).__name__
        raise TypeError(f"search_kwargs of {name} may hold {accepted}; got {unknown}")
