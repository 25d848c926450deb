"""Selected documents as the caller gets them: copies, in selection order, with their numbers."""

from __future__ import annotations

from langchain_core.documents import Document

from sift_retrievers import falling_scores
from sift_retrievers.retrieval import Retrieval, deep_copied


def annotated_copies(retrieval: Retrieval[Document]) -> list[Document]:
    """Copy the chosen documents and write into the copies what each pick was worth."""
    choice = retrieval.outcome.choice
    scores = falling_scores(choice.gains)
    documents = []
    rows = zip(choice.picks.tolist(), retrieval.outcome.documents, strict=True)
    for rank, (position, source) in enumerate(rows):
        metadata = {key: deep_copied(value) for key, value in (source.metadata or {}).items()}
        metadata["sift"] = {
            "rank": rank,
            "information_gain": float(choice.gains[rank]),
            "uncertainty": None if choice.variance is None else float(choice.variance[rank + 1]),
            "similarity": float(choice.similarities[position]),
        }
        if retrieval.hits.note is not None:
            metadata["sift"]["vectors"] = retrieval.hits.note
        metadata["relevance_score"] = float(scores[rank])
        documents.append(source.model_copy(update={"metadata": metadata}))
    return documents
