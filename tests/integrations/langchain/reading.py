"""The hits of a store as a retriever reads them."""

from __future__ import annotations

from typing import Any

from langchain_core.documents import Document

from langchain_sift.stores import Hits, reader_of, search
from sift_retrievers.retrieval import Target
from sift_retrievers.retrieval.work import Direct, finished


def hits_in(store: Any, vector: Any, fetch_k: int = 20, **search_kwargs: Any) -> Hits[Document]:
    return finished(search(Direct(), reader_of(store), Target(vector), fetch_k, search_kwargs))
