"""Selected documents as the caller gets them: copies, in selection order, with their numbers."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, Final

from langchain_core.documents import Document

from sift_retrievers.retrieval import Retrieval, deep_copied, pick_numbers

text_of: Final[Callable[[Document], str]] = attrgetter("page_content")
"""What is read, counted and shown of a document."""
metadata_of: Final[Callable[[Document], dict[str, Any]]] = attrgetter("metadata")


def annotated_copies(retrieval: Retrieval[Document]) -> list[Document]:
    """Copy the chosen documents and write into the copies what each pick was worth."""
    documents = []
    rows = zip(pick_numbers(retrieval), retrieval.outcome.documents, strict=True)
    for numbers, source in rows:
        metadata = {key: deep_copied(value) for key, value in (source.metadata or {}).items()}
        metadata["relevance_score"] = numbers.pop("relevance_score")
        metadata["sift"] = numbers
        documents.append(source.model_copy(update={"metadata": metadata}))
    return documents
