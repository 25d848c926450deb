"""`reader_of`: chooses the reader of a store.

It is the first of these that there is:

1. the adapter that the user gives;
2. the registered reader of the store's class or of its bases;
3. a reader that embeds the texts of the hits again, with the store's model.

If there is none, an error says what to pass.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeAlias, cast

from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings

from langchain_sift.stores.reembedding import ReembeddingReader
from langchain_sift.stores.registry import READERS
from sift_retrievers.retrieval import EmbeddingCache, Hits, StoreReader

Adapter: TypeAlias = (
    type[StoreReader[Document]] | StoreReader[Document] | Callable[..., Hits[Document]]
)
"""What `adapter=` may be: a `StoreReader` class or an instance of one, or a function
`(store, query, fetch_k, **search_kwargs) -> Hits` that does what `StoreReader.search` does."""

MODEL_ATTRIBUTES: Final = (
    "embeddings",
    "embedding",
    "_embedding",
    "embedding_function",
    "_embedding_function",
)
"""The attributes in which stores keep their embedding model, public names first."""


class FunctionReader(StoreReader[Document]):
    """Searches by a function `(store, query, fetch_k, **search_kwargs) -> Hits`."""

    def __init__(self, store: Any, function: Callable[..., Hits[Document]]) -> None:
        """Search this store by this function."""
        super().__init__(store)
        self.search = partial(function, store)  # type: ignore[method-assign]


def embeddings_of(store: object) -> Embeddings | None:
    """The embedding model of a store, or None."""
    for name in MODEL_ATTRIBUTES:
        model = getattr(store, name, None)
        if callable(getattr(model, "embed_query", None)):
            return cast(Embeddings, model)
    return None


def reader_of(
    store: Any,
    adapter: Adapter | None = None,
    embeddings: Embeddings | None = None,
    cache: EmbeddingCache | None = None,
) -> StoreReader[Document]:
    """The reader of a store.

    Args:
        store: any.
        adapter: used in place of the registered reader; checked by `check_store`.
        embeddings: embeds the texts of hits again if that is needed; default: the store's model.
        cache: of the texts that are embedded again; default: a new one.

    Raises:
        TypeError: for a store that cannot be read.
    """
    if isinstance(adapter, StoreReader):
        return adapter
    if isinstance(adapter, type):
        return cast("type[StoreReader[Document]]", adapter)(store)
    if adapter is not None:
        return FunctionReader(store, adapter)
    known = READERS.find(store, "search")
    if known is not None:
        return known(store)
    model = embeddings_of(store) if embeddings is None else embeddings
    check_store(store, None, model)
    return ReembeddingReader(
        store, cast(Embeddings, model), EmbeddingCache() if cache is None else cache
    )


def check_store(store: object, adapter: Adapter | None, model: object) -> bool:
    """Whether the store's vectors can be read; False if its hits must be embedded again.

    Raises:
        TypeError: if neither can be done, or `model` lacks a method that is needed; the message
            says what to pass.
    """
    if isinstance(store, type):
        raise TypeError(f"got the class {store.__name__} in place of a vector store of that class")
    name = type(store).__name__
    _check_adapter(adapter, store)
    readable = adapter is not None or READERS.find(store, "search") is not None
    if not readable:
        _check_searchable(store)
    if model is not None and not callable(getattr(model, "embed_query", None)):
        raise TypeError(
            "embedding must be an embedding model, with a method embed_query; got "
            f"{type(model).__name__} {model!r}"
        )
    if model is None:
        raise TypeError(
            f"{name} has no embedding model of its own (`.embeddings` is missing or None), so "
            "the query cannot be embedded: pass embedding=... with the model that filled the "
            "store"
        )
    if not readable and not callable(getattr(model, "embed_documents", None)):
        raise TypeError(
            f"the vectors of {name} cannot be read, and {type(model).__name__} has no "
            "embed_documents to embed its hits again: pass adapter=..., a "
            "langchain_sift.stores.StoreReader"
        )
    return readable


def _check_adapter(adapter: Any, store: object) -> None:
    if adapter is None:
        return
    reads = isinstance(adapter, StoreReader) or (
        issubclass(adapter, StoreReader) if isinstance(adapter, type) else callable(adapter)
    )
    if not reads:
        raise TypeError(
            "adapter must be a langchain_sift.stores.StoreReader (a class or an instance), or a "
            f"function (store, query, fetch_k, **search_kwargs) that returns Hits; got {adapter!r}"
        )
    reader = adapter if isinstance(adapter, type) else type(adapter)
    if issubclass(reader, StoreReader) and not reader.can("search"):
        raise TypeError(f"adapter must define search; {reader.__name__} does not")
    if isinstance(adapter, StoreReader) and adapter.store is not store:
        raise TypeError(
            f"adapter reads another store ({type(adapter.store).__name__}) than the one that was "
            "passed: give the class of the reader, or its instance over the same store"
        )


def _check_searchable(store: object) -> None:
    """Raise a TypeError for anything but a vector store."""
    inner = getattr(store, "vectorstore", None)
    if inner is not None and callable(getattr(store, "invoke", None)):
        raise TypeError(
            f"got a retriever ({type(store).__name__}) in place of a vector store: pass the store "
            "itself, SIFTRetriever(vectorstore) in place of "
            "SIFTRetriever(vectorstore.as_retriever()); its search_kwargs (filter, …) go to "
            "SIFTRetriever(search_kwargs=...)"
        )
    if not callable(getattr(store, "similarity_search", None)):
        raise TypeError(
            f"no reader knows how {type(store).__module__}.{type(store).__qualname__} hands over "
            "its stored vectors, and it has no similarity_search: pass a vector store, or "
            "adapter=... with a langchain_sift.stores.StoreReader. There are readers for "
            f"{', '.join(READERS.names())} and their subclasses"
        )
