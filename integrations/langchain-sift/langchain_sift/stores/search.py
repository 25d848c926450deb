"""`search`: searches a store for one target, and checks what the reader returns."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from langchain_core.documents import Document

from langchain_sift.stores.reembedding import ReembeddingReader
from sift_retrievers.retrieval import Hits, StoreReader, Target
from sift_retrievers.retrieval.hits import check_hits, no_hits
from sift_retrievers.retrieval.stores import check_search_kwargs
from sift_retrievers.retrieval.work import OnLoop, Work


async def search(
    work: Work,
    reader: StoreReader[Document],
    target: Target,
    fetch_k: int,
    search_kwargs: Mapping[str, Any],
) -> Hits[Document]:
    """The `fetch_k` nearest hits of a target, with their vectors.

    Args:
        work: makes the calls.
        reader: of the store, see `reader_of`.
        target: what is searched for.
        fetch_k: hits wanted; there are fewer if the store holds fewer.
        search_kwargs: for the store's search, under its own names.

    Raises:
        TypeError: for a search argument that the store does not take, or a reader that does not
            return `Hits`.
        ValueError: if the vectors are not finite numbers of the target's dimension, or missing.
        Exception: the store's own, with a note that names the store.
    """
    name, dim = type(reader.store).__name__, len(target.vector)
    try:
        if isinstance(reader, ReembeddingReader):
            hits = await reader.find(work, target, fetch_k, search_kwargs)
        else:
            check_search_kwargs(reader, search_kwargs)
            asked = (target.vector, fetch_k)
            hits = await work.call(
                "fetch",
                reader.store,
                partial(reader.search, *asked, **search_kwargs),
                native=partial(reader.asearch, *asked, **search_kwargs)
                if isinstance(work, OnLoop) and reader.searches_async
                else None,
            )
        check_hits(name, hits, dim)
    except Exception as error:
        error.add_note(
            f"while SIFT fetched the {fetch_k} passages nearest to a vector of dimension {dim} "
            f"from {name}"
        )
        raise
    return hits if len(hits) else no_hits(dim)
