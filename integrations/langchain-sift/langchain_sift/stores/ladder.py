"""How the hits of any store come with their vectors: the first of four ways that works.

1. the adapter that the user gives;
2. the registered adapter of the store's class or its bases;
3. the texts of the hits, embedded again with the store's model;
4. an error that says what to pass.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings

from langchain_sift.stores.reembedding import fetch_by_reembedding
from langchain_sift.stores.registry import ADAPTERS, StoreAdapter
from sift_retrievers.retrieval import EmbeddingCache, Hits, Target, check_hits, no_hits

# Where stores keep their model, the public name first.
_MODEL_ATTRIBUTES = ("embeddings", "embedding", "_embedding", "embedding_function")


def embeddings_of(store: object) -> Embeddings | None:
    """The embedding model of a store, or None."""
    for name in _MODEL_ATTRIBUTES:
        model = getattr(store, name, None)
        if callable(getattr(model, "embed_query", None)):
            return cast(Embeddings, model)
    return None


def check_store(store: object, adapter: StoreAdapter | None, model: object) -> bool:
    """Whether the store's vectors can be read; False if its hits must be embedded again.

    Raises:
        TypeError: if neither can be done, or `model` cannot embed what has to be embedded; the
            message says what to pass.
    """
    name = type(store).__name__
    readable = adapter is not None or ADAPTERS.find(store) is not None
    if readable or callable(getattr(store, "similarity_search", None)):
        if not callable(getattr(model, "embed_query", None)):
            raise TypeError(
                f"{name} has no embedding model of its own (`.embeddings` is missing or None), so "
                "the query cannot be embedded: pass embedding=... with the model that filled the "
                f"store; got {model!r}"
            )
        if not readable and not callable(getattr(model, "embed_documents", None)):
            raise TypeError(
                f"the vectors of {name} cannot be read, and {type(model).__name__} has no "
                "embed_documents to embed its hits again: pass adapter=..., see "
                "langchain_sift.stores.StoreAdapter"
            )
        return readable
    raise TypeError(
        f"no adapter knows how {type(store).__module__}.{type(store).__qualname__} hands over its "
        "stored vectors, and it has no similarity_search: pass a vector store, or adapter=... with "
        "a langchain_sift.stores.StoreAdapter. There are adapters for "
        f"{', '.join(ADAPTERS.names())} and their subclasses"
    )


def fetch_hits(
    store: object,
    target: Target,
    fetch_k: int,
    search_kwargs: Mapping[str, Any],
    *,
    adapter: StoreAdapter | None = None,
    embeddings: Embeddings | None = None,
    cache: EmbeddingCache | None = None,
) -> Hits[Document]:
    """The `fetch_k` nearest hits of a target in any store, with their vectors.

    Args:
        store: any.
        target: what is asked for.
        fetch_k: hits wanted; fewer come back where the store holds fewer.
        search_kwargs: for the store's search, under its own names.
        adapter: goes before the registered one.
        embeddings: the model for embedding again; default: the store's own.
        cache: of texts embedded again; default: none is kept.

    Raises:
        TypeError: for a store that cannot be read, or a search argument that it does not take.
        ValueError: if the vectors are not finite numbers of the target's dimension, or missing.
        Exception: the store's own, with a note that names the store.
    """
    name = type(store).__name__
    reader = ADAPTERS.find(store) if adapter is None else adapter
    try:
        if reader is not None:
            _check_search_kwargs(name, reader, search_kwargs)
            hits = reader(store, target.vector, fetch_k, **search_kwargs)
        else:
            model = embeddings_of(store) if embeddings is None else embeddings
            assert model is not None  # it has embedded the query
            cache = EmbeddingCache(fetch_k) if cache is None else cache
            hits = fetch_by_reembedding(store, target, fetch_k, search_kwargs, model, cache)
        if not isinstance(hits, Hits):
            raise TypeError(
                f"the adapter of {name} must return Hits, which langchain_sift.stores.hits_of "
                f"makes; got {type(hits).__name__}"
            )
    except Exception as error:
        error.add_note(
            f"while SIFT fetched the {fetch_k} passages nearest to a vector of dimension "
            f"{len(target.vector)} from {name}"
        )
        raise
    if len(hits) == 0:
        return no_hits(len(target.vector))
    check_hits(name, hits, len(target.vector))

    def load(positions: Sequence[int]) -> Sequence[Document | None]:
        try:
            return hits.documents(positions)
        except Exception as error:
            error.add_note(f"while SIFT read {len(positions)} passages from {name}")
            raise

    return replace(hits, load=load)


def _check_search_kwargs(
    store: str, adapter: StoreAdapter, search_kwargs: Mapping[str, Any]
) -> None:
    if not search_kwargs:  # as usual: reading a signature takes longer than the check
        return
    parameters = [*inspect.signature(adapter).parameters.values()]
    if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters):
        return
    accepted = [p.name for p in parameters[3:]]  # after store, query, fetch_k
    unknown = sorted(set(search_kwargs) - set(accepted))
    if unknown:
        raise TypeError(f"search_kwargs of {store} may hold {accepted}; got {unknown}")
