"""`ReembeddingReader`: reads an unknown store by embedding the texts of its hits again."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping
from functools import partial
from typing import Any, Final
from weakref import WeakSet

import numpy as np
import numpy.typing as npt
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings

from langchain_sift.stores.hits import hits_of
from sift_retrievers.retrieval import EmbeddingCache, Hits, StoreReader, Target
from sift_retrievers.retrieval.work import Direct, Work, finished, native

NOTE: Final = "embedded again by the retriever"
_warned: WeakSet[type] = WeakSet()


class ReembeddingWarning(UserWarning):
    """The vectors of a store cannot be read, so the texts of its hits are embedded again."""


FRAMEWORK: Final = ("langchain_sift.", "langchain_core.", "pydantic.")
"""Modules of functions that are called between the user's code and the check of a store."""


def warn_once(store: object) -> None:
    """Warn that texts are embedded again, once for each class of stores."""
    if type(store) in _warned:
        return
    _warned.add(type(store))
    name = type(store).__name__
    warnings.warn(
        f"no reader knows how {type(store).__module__}.{name} hands over its stored vectors "
        "(or a subclass brings a search of its own), so the texts of its hits are embedded again: "
        "in one call a query, and only those that are not in the cache. To read the vectors "
        "instead, pass adapter=... or register a reader with "
        "langchain_sift.stores.register_reader",
        ReembeddingWarning,
        stacklevel=_users_stacklevel(),
    )


def _users_stacklevel() -> int:
    """The `stacklevel` for a warning of the calling function that shows the user's code."""
    frame, level = sys._getframe(1), 1
    while frame.f_back and frame.f_globals.get("__name__", "").startswith(FRAMEWORK):
        frame, level = frame.f_back, level + 1
    return level


class ReembeddingReader(StoreReader[Document]):
    """Reads a store of which only `similarity_search` is known.

    The vectors of its hits are those of the embedding model, not those of the store.
    """

    def __init__(self, store: Any, embeddings: Embeddings, cache: EmbeddingCache) -> None:
        """Read this store, and embed the texts of its hits that are not in the cache."""
        super().__init__(store)
        self.embeddings, self.cache = embeddings, cache

    def search(
        self, query: npt.NDArray[np.float32], fetch_k: int, **search_kwargs: Any
    ) -> Hits[Document]:
        """The hits of the store's own search by vector."""
        return finished(self.find(Direct(), Target(query), fetch_k, search_kwargs))

    async def find(
        self, work: Work, target: Target, fetch_k: int, search_kwargs: Mapping[str, Any]
    ) -> Hits[Document]:
        """The hits of the store's own search, with vectors from the embedding model.

        The search is by text if the target has one: that is the search that `as_retriever()` uses,
        and that a subclass would override.

        Raises:
            TypeError: if the store cannot search by vector and the target has no text, or if the
                store's search returns anything but a list of documents.
        """
        if target.text is not None:
            method, asked = "similarity_search", target.text
        else:
            _check_search_by_vector(self.store)
            method, asked = "similarity_search_by_vector", target.vector.tolist()
        own = native(self.store, f"a{method}")
        documents = await work.call(
            "fetch",
            self.store,
            partial(getattr(self.store, method), asked, k=fetch_k, **search_kwargs),
            native=own and partial(own, asked, k=fetch_k, **search_kwargs),
        )
        _check_documents(self.store, method, documents)
        texts = [document.page_content or "" for document in documents]
        model = self.embeddings
        own = native(model, "aembed_documents")
        vectors = await self.cache.aembed(work, model, texts, model.embed_documents, native=own)
        if vectors.shape[1] == 0:  # no hit has a text
            vectors = np.zeros((len(texts), len(target.vector)), dtype=np.float32)
        return hits_of(documents, vectors, target.vector, note=NOTE)


def _check_documents(store: object, method: str, found: Any) -> None:
    """Raise a TypeError if a search of a store returned anything but a list of documents."""
    must = f"{method} of {type(store).__name__} must return a list of Document"
    if not isinstance(found, list | tuple):
        raise TypeError(f"{must}; got {type(found).__name__}")
    for i, document in enumerate(found):
        if not isinstance(document, Document):
            raise TypeError(f"{must}; got {type(document).__name__} for hit {i}")


def _check_search_by_vector(store: Any) -> None:
    """Check that a search by vector does not bypass an overridden search by text.

    Raises:
        TypeError: if the class that defines `similarity_search` is derived from the one that
            defines `similarity_search_by_vector`, or no class defines that.
    """
    for cls in type(store).__mro__:
        if "similarity_search_by_vector" in vars(cls) and cls.__module__ != (
            "langchain_core.vectorstores.base"
        ):
            return
        if "similarity_search" in vars(cls):
            break
    raise TypeError(
        f"{type(store).__name__} searches by text alone (its similarity_search_by_vector is "
        "missing, or would bypass its own similarity_search): give targets as texts"
    )
