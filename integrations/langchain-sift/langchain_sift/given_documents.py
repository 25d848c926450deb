"""Documents that another retriever found, as hits with their vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings

from langchain_sift.stores import hits_of, stored_vectors
from sift_retrievers.retrieval import EmbeddingCache, Hits, Target
from sift_retrievers.retrieval.hits import check_hits
from sift_retrievers.retrieval.work import Work, native


def check_documents(documents: Any) -> None:
    """Raise a TypeError for anything but a sequence of documents."""
    if isinstance(documents, str) or not isinstance(documents, Sequence):
        raise TypeError(f"documents must be a list of documents; got {type(documents).__name__}")
    for document in documents:
        if not isinstance(document, Document):
            raise TypeError(
                f"documents must be a list of documents; it holds {type(document).__name__} "
                f"{document!r}"
            )


async def hits_of_given(
    work: Work,
    documents: Sequence[Document],
    target: Target,
    model: Embeddings,
    store: Any,
    cache: EmbeddingCache,
) -> Hits[Document]:
    """The documents with their vectors. A document that was found twice is one hit.

    Args:
        work: makes the calls of the store and the model.
        documents: in the order of their retriever.
        target: what they were found for.
        model: embeds, in one call, the documents whose vectors are neither in
            `document.state["embedded_doc"]` nor in the store.
        store: holds vectors under the documents' ids; None if there is no such store.
        cache: of embedded texts.

    Raises:
        ValueError: for vectors that are not finite numbers of the target's dimension.
    """
    documents, query = _different(documents), target.vector
    vectors: list[Any] = [
        (getattr(document, "state", None) or {}).get("embedded_doc") for document in documents
    ]
    missing, note = _without(vectors), None
    if store is not None and missing:
        asked = [documents[i] for i in missing]
        stored, note = await stored_vectors(work, store, asked)
        for i, vector in zip(missing, stored, strict=True):
            vectors[i] = vector
        missing = _without(vectors)
    if missing:
        texts = [documents[i].page_content or "" for i in missing]
        own = native(model, "aembed_documents")
        embedded = await cache.aembed(work, model, texts, model.embed_documents, native=own)
        for i, vector in zip(missing, embedded, strict=True):
            # A text of white space is not embedded; nothing is gained from a zero vector.
            vectors[i] = vector if len(vector) else np.zeros(len(query), dtype=np.float32)
        again = f"{len(missing)} of {len(documents)} embedded by the compressor"
        note = again if note is None else f"{note}; {again}"
    hits = hits_of(documents, vectors, query, note=note)
    check_hits("SIFTCompressor", hits, len(query))
    return hits


def _without(vectors: Sequence[Any]) -> list[int]:
    return [i for i, vector in enumerate(vectors) if vector is None]


def _different(documents: Sequence[Document]) -> list[Document]:
    """The documents without repetitions of the same id, text and metadata."""
    seen: dict[tuple[Any, ...], Document] = {}
    for document in documents:
        key = (document.id, document.page_content, repr(document.metadata))
        seen.setdefault(key, document)
    return [*seen.values()]
