"""The rung of the ladder for a store that nobody has met: its hits' texts are embedded again."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any
from weakref import WeakSet

import numpy as np
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings

from sift_retrievers.retrieval import EmbeddingCache, Hits, Target

NOTE = "embedded again by the retriever"
_warned: WeakSet[type] = WeakSet()


class ReembeddingWarning(UserWarning):
    """A store does not hand over its vectors, so the texts of its hits are embedded again."""


def warn_once(store: object) -> None:
    """Warn, once a class of stores, of what embedding again costs."""
    if type(store) in _warned:
        return
    _warned.add(type(store))
    name = type(store).__name__
    warnings.warn(
        f"no adapter knows how {type(store).__module__}.{name} hands over its stored vectors "
        "(or a subclass brings a search of its own), so the texts of its hits are embedded again: "
        "in one call a query, and only those that are not in the cache. To read the vectors "
        "instead, pass adapter=... or register one with langchain_sift.stores.register_adapter",
        ReembeddingWarning,
        stacklevel=2,
    )


def fetch_by_reembedding(
    store: Any,
    target: Target,
    fetch_k: int,
    search_kwargs: Mapping[str, Any],
    embeddings: Embeddings,
    cache: EmbeddingCache,
) -> Hits[Document]:
    """The hits of the store's own search, with vectors from the embedding model.

    Asks by text where the target has one: that is the search that `as_retriever()` calls, and the
    one that a subclass overrides.
    """
    if target.text is not None:
        documents = store.similarity_search(target.text, k=fetch_k, **search_kwargs)
    else:
        _check_search_by_vector(store)
        documents = store.similarity_search_by_vector(
            target.vector.tolist(), k=fetch_k, **search_kwargs
        )
    texts = [document.page_content for document in documents]
    vectors = cache.embed(embeddings, texts, embeddings.embed_documents)
    if vectors.shape[1] == 0:  # none of the hits, if there are any, has a text
        vectors = np.zeros((len(texts), len(target.vector)), dtype=np.float32)
    return Hits(vectors, [document.id for document in documents], documents.__getitem__, NOTE)


def _check_search_by_vector(store: Any) -> None:
    """Refuse a search by vector that would bypass an override of the search by text.

    Raises:
        TypeError: if the class that brings `similarity_search` is derived from the one that brings
            `similarity_search_by_vector`, or there is none.
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
