"""`ClientReader`: base class of readers whose stores have an asynchronous client, too."""

from __future__ import annotations

from abc import abstractmethod
from asyncio import AbstractEventLoop, get_running_loop
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias
from weakref import ref

import numpy as np
import numpy.typing as npt
from langchain_core.documents import Document

from sift_retrievers.retrieval import Hits, StoredVector, StoreReader
from sift_retrievers.retrieval.stores import check_search_kwargs
from sift_retrievers.retrieval.work import finished

Ask: TypeAlias = Callable[..., Awaitable[Any]]
"""`await ask("search", limit=5)` calls a method of the store's client, synchronous or not."""


class ClientReader(StoreReader[Document]):
    """Reads a store through its client, synchronous or asynchronous.

    The search is written once for both. A subclass defines `find`, and `look_up` if the client can
    read rows by id, as coroutines that await nothing but `ask`. It also defines `client` and
    `aclient`, or `call` and `acall` if a call is more than calling a method of a client.
    """

    @abstractmethod
    async def find(
        self, ask: Ask, query: npt.NDArray[np.float32], fetch_k: int, *args: Any, **kwargs: Any
    ) -> Hits[Document]:
        """What `search` returns. A subclass names the `search_kwargs` of its store here.

        Args:
            ask: calls the client.
            query: `[d]`.
            fetch_k: hits wanted.
            *args: none.
            **kwargs: the `search_kwargs`.
        """

    async def look_up(self, ask: Ask, ids: Sequence[str]) -> Mapping[str, StoredVector]:
        """What `vectors_by_id` returns."""
        raise NotImplementedError(self.lacks("vectors_by_id"))

    @property
    def client(self) -> Any:
        """The synchronous client.

        Raises:
            TypeError: if the store has only an asynchronous client.
        """
        raise TypeError(
            f"this {type(self.store).__name__} has an asynchronous client alone: use the retriever "
            "asynchronously (ainvoke, abatch, …)"
        )

    @property
    def aclient(self) -> Any:
        """The asynchronous client. It is used only if `searches_async` is True."""
        raise NotImplementedError(self.lacks("aclient"))

    def call(self, method: Any, /, **arguments: Any) -> Any:
        """Call a method of the synchronous client."""
        return getattr(self.client, method)(**arguments)

    async def acall(self, method: Any, /, **arguments: Any) -> Any:
        """Call a method of the asynchronous client."""
        return await getattr(self.aclient, method)(**arguments)

    def search(
        self, query: npt.NDArray[np.float32], fetch_k: int, *args: Any, **search_kwargs: Any
    ) -> Hits[Document]:
        """The nearest rows that pass the store's filters; `find` names the `search_kwargs`."""
        check_search_kwargs(self, search_kwargs, self.find)
        return finished(self.find(self._call, query, fetch_k, *args, **search_kwargs))

    async def asearch(
        self, query: npt.NDArray[np.float32], fetch_k: int, *args: Any, **search_kwargs: Any
    ) -> Hits[Document]:
        """Async version of `search`."""
        check_search_kwargs(self, search_kwargs, self.find)
        return await self.find(self.acall, query, fetch_k, *args, **search_kwargs)

    def vectors_by_id(self, ids: Sequence[str]) -> Mapping[str, StoredVector]:
        """The vectors of those ids that the store has, each with the text of the same row."""
        return finished(self.look_up(self._call, ids))

    async def avectors_by_id(self, ids: Sequence[str]) -> Mapping[str, StoredVector]:
        """Async version of `vectors_by_id`."""
        return await self.look_up(self.acall, ids)

    @classmethod
    def can(cls, method: str) -> bool:
        """Whether the class can do "search" or "vectors_by_id"."""
        return method != "vectors_by_id" or cls.look_up is not ClientReader.look_up

    async def _call(self, *args: Any, **arguments: Any) -> Any:
        return self.call(*args, **arguments)


_LOOPS: Final[dict[int, tuple[ref[Any], ref[AbstractEventLoop]]]] = {}
"""By the `id` of a client: the client, and the event loop on which it was used first. Some clients
cannot be hashed, so that they cannot be keys themselves."""


def usable_here(client: Any, bound_to: AbstractEventLoop | None = None) -> bool:
    """Whether an asynchronous client may be used on the running event loop.

    The connections of most clients belong to the loop that opened them, and a call from another
    loop fails. If `bound_to` is not given, the loop on which this function was first called for the
    client is taken to be that loop.

    Args:
        client: any.
        bound_to: the loop of the client's open connections, if it is known.
    """
    try:
        running = get_running_loop()
    except RuntimeError:
        return False
    if bound_to is not None:
        return bound_to is running
    key = id(client)
    if key not in _LOOPS:
        _LOOPS.setdefault(key, (ref(client, lambda _: _LOOPS.pop(key, None)), ref(running)))
    return _LOOPS[key][1]() is running
