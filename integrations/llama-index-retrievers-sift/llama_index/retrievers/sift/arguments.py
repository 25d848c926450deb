"""Checks of the arguments of `SIFTRetriever`."""

from __future__ import annotations

from typing import Any, Final

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.indices.vector_store.base import VectorStoreIndex
from llama_index.core.vector_stores.types import (
    BasePydanticVectorStore,
    MetadataFilters,
    VectorStoreQueryMode,
)

from sift_retrievers.validation import count

FETCH_TOP_K: Final = 200
"""How many nearest nodes to choose from if no number is given and no more are to be returned."""


def as_index(
    index: VectorStoreIndex | BasePydanticVectorStore, embed_model: BaseEmbedding | None
) -> VectorStoreIndex:
    """The index to search: the given one, or a new one over the given store.

    Raises:
        TypeError: for anything but an index or a store.
        ValueError: for a store that does not hold texts.
    """
    if isinstance(index, VectorStoreIndex):
        return index
    if not isinstance(index, BasePydanticVectorStore):
        hint = ": pass the index that it searches" if isinstance(index, BaseRetriever) else ""
        raise TypeError(
            f"SIFTRetriever takes a VectorStoreIndex or a vector store; got {type(index).__name__}"
            f"{hint}"
        )
    if not index.stores_text:
        raise ValueError(
            f"{type(index).__name__} does not store the nodes' texts: pass the VectorStoreIndex "
            "over it, whose docstore does"
        )
    return VectorStoreIndex.from_vector_store(index, embed_model=embed_model)


def sizes(similarity_top_k: int, fetch_top_k: int | None) -> tuple[int, int]:
    """How many nodes to return, and from how many to choose.

    Args:
        similarity_top_k: the most nodes to return.
        fetch_top_k: nearest nodes to choose from; None: `FETCH_TOP_K`, or `similarity_top_k` if
            that is more.

    Raises:
        ValueError: for numbers below 1, or fewer to choose from than to return.
    """
    returned = count(similarity_top_k, "similarity_top_k")
    if fetch_top_k is None:
        return returned, max(FETCH_TOP_K, returned)
    fetched = count(fetch_top_k, "fetch_top_k")
    if fetched < returned:
        raise ValueError(
            "fetch_top_k must be at least similarity_top_k, the nodes are picked from the "
            f"fetch_top_k nearest; got fetch_top_k={fetch_top_k} and "
            f"similarity_top_k={similarity_top_k}"
        )
    return returned, fetched


def checked_filters(given: Any) -> MetadataFilters | None:
    """The filters of a search.

    Raises:
        TypeError: for anything but `MetadataFilters` or None.
    """
    if not (given is None or isinstance(given, MetadataFilters)):
        raise TypeError(f"filters must be MetadataFilters; got {type(given).__name__} {given!r}")
    return given


def search_mode(given: VectorStoreQueryMode | str) -> VectorStoreQueryMode:
    """How the store searches.

    Raises:
        ValueError: for "mmr", which would choose before SIFT does, or an unknown mode.
    """
    mode = VectorStoreQueryMode(given)
    if mode is VectorStoreQueryMode.MMR:
        raise ValueError(
            "SIFT chooses from the nearest nodes itself; vector_store_query_mode="
            f"{str(given)!r} would choose before it"
        )
    return mode
