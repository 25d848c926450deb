"""Copies of the selected documents, for the caller."""

from __future__ import annotations

from langchain_core.documents import Document

from sift_retrievers.retrieval import Retrieval
from sift_retrievers.retrieval.copying import deep_copied


def copies_of_picks(retrieval: Retrieval[Document], annotate: bool) -> list[Document]:
    """Copies of the chosen documents, in selection order, with the numbers of their picks.

    Args:
        retrieval: finished.
        annotate: whether to write `metadata["sift"]` and `metadata["relevance_score"]`.
    """
    documents = []
    for pick in retrieval.picks:
        source = pick.document
        metadata = {key: deep_copied(value) for key, value in (source.metadata or {}).items()}
        if annotate:
            numbers = pick.numbers()
            metadata["relevance_score"] = numbers.pop("relevance_score")
            metadata["sift"] = numbers
        documents.append(source.model_copy(update={"metadata": metadata}))
    return documents
