"""Selected documents as the caller gets them: copies, in selection order, with their numbers."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from langchain_core.documents import Document

from sift_retrievers import falling_scores
from sift_retrievers.retrieval import Choice, Hits


def annotated_copies(hits: Hits[Document], choice: Choice) -> list[Document]:
    """Copy the chosen hits and write into the copies what each pick was worth."""
    scores = falling_scores(choice.gains)
    documents = []
    picks = choice.picks.tolist()
    for rank, (position, source) in enumerate(zip(picks, hits.documents(picks), strict=True)):
        if source is None:  # deleted while the selection was made
            continue
        metadata = {key: _copied(value) for key, value in source.metadata.items()}
        metadata["sift"] = {
            "rank": rank,
            "information_gain": float(choice.gains[rank]),
            "uncertainty": None if choice.variance is None else float(choice.variance[rank + 1]),
            "similarity": float(choice.similarities[position]),
        }
        if hits.note is not None:
            metadata["sift"]["vectors"] = hits.note
        metadata["relevance_score"] = float(scores[rank])
        documents.append(source.model_copy(update={"metadata": metadata}))
    return documents


def _copied(value: Any) -> Any:
    """A deep copy, or the object itself where it cannot be copied (a lock, a connection)."""
    try:
        return deepcopy(value)
    except Exception:  # whatever its __deepcopy__ raises, the passage is wanted
        return value
