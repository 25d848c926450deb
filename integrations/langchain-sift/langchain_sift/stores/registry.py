"""Find the adapter of a vector store by its class name, without importing any store's package."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from langchain_sift.stores.hits import Hits


class StoreAdapter(Protocol):
    """`fetch(store, query, fetch_k, **search_kwargs)`: the function that a store's file defines.

    `query` is `[d]` float32. The keyword arguments that it names are the `search_kwargs` that the
    store takes; filters must be applied before the `fetch_k` nearest are cut.
    """

    def __call__(
        self, store: Any, query: npt.NDArray[np.float32], fetch_k: int, **search_kwargs: Any
    ) -> Hits: ...


# Class name of the store → module of this package that defines `fetch` for it.
ADAPTERS: Final[dict[str, str]] = {
    "InMemoryVectorStore": "langchain_sift.stores.in_memory",
    "FAISS": "langchain_sift.stores.faiss",
    "Chroma": "langchain_sift.stores.chroma",
}


def adapter_for(store: object) -> StoreAdapter:
    """The adapter of the nearest class in the store's method resolution order that has one.

    Raises:
        TypeError: if no class of the store has an adapter, or a subclass has a search of its own,
            which reading the store itself would bypass (it may hide some documents, say).
    """
    for cls in type(store).__mro__:
        if cls.__name__ in ADAPTERS:
            adapter: StoreAdapter = import_module(ADAPTERS[cls.__name__]).fetch
            return adapter
        own = sorted(name for name in vars(cls) if name.lstrip("a").startswith("similarity_search"))
        if own and any(base.__name__ in ADAPTERS for base in cls.__mro__):
            raise TypeError(
                f"{cls.__module__}.{cls.__qualname__} overrides {own}; its stored vectors cannot "
                "be read in a way that respects that: pass the store without the override, and "
                "what it filters as search_kwargs"
            )
    raise TypeError(
        f"no adapter knows how {type(store).__module__}.{type(store).__qualname__} hands over its "
        f"stored vectors; there are adapters for {', '.join(sorted(ADAPTERS))} and their subclasses"
    )


def fetch_hits(
    store: object,
    query: npt.NDArray[np.float32],
    fetch_k: int,
    search_kwargs: Mapping[str, Any],
) -> Hits:
    """The `fetch_k` nearest hits of `query` `[d]` in any store that has an adapter.

    Raises:
        TypeError: for a store without adapter, or a search argument that the store does not take.
        ValueError: if the stored vectors are not numbers of the query's dimension.
    """
    adapter = adapter_for(store)
    _check_search_kwargs(store, adapter, search_kwargs)
    hits = adapter(store, query, fetch_k, **search_kwargs)
    if len(hits) > 0:
        _check_vectors(store, query, hits)
    return hits


def _check_search_kwargs(
    store: object, adapter: StoreAdapter, search_kwargs: Mapping[str, Any]
) -> None:
    parameters = inspect.signature(adapter).parameters
    if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values()):
        return
    accepted = [name for name, p in parameters.items() if p.kind is inspect.Parameter.KEYWORD_ONLY]
    unknown = sorted(set(search_kwargs) - set(accepted))
    if unknown:
        raise TypeError(
            f"search_kwargs of {type(store).__name__} may hold {accepted}; got {unknown}"
        )


def _check_vectors(store: object, query: npt.NDArray[np.float32], hits: Hits) -> None:
    if hits.vectors.shape != (len(hits), len(query)):
        raise ValueError(
            f"{type(store).__name__} holds vectors of shape {hits.vectors.shape[1:]}, "
            f"but the query's embedding has dimension {len(query)}: is `embedding` the model that "
            "filled the store?"
        )
    wrong = np.flatnonzero(~np.isfinite(hits.vectors).all(axis=1))
    if len(wrong) > 0:
        names = [hits.document(int(i)).id for i in wrong[:5]]
        raise ValueError(
            f"{type(store).__name__} holds vectors with NaN or infinite values for {len(wrong)} of "
            f"{len(hits)} hits, ids {names}"
        )
