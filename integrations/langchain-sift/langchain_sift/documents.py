"""Selected documents as the caller gets them: copies, in selection order, with their numbers."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
import numpy.typing as npt
from langchain_core.documents import Document

from langchain_sift.stores.hits import Hits
from sift_retrievers import Selection, falling_scores


def annotated_copies(
    hits: Hits, selection: Selection[npt.NDArray[Any]], query: npt.NDArray[np.float32]
) -> list[Document]:
    """Copy the selected hits and write into the copies what each pick was worth.

    Args:
        hits: what `selection` was made from.
        selection: of one query.
        query: `[d]`, for the cosine similarity.
    """
    picks = selection.indices[0][selection.indices[0] >= 0]
    scores = falling_scores(selection.gains[0][: len(picks)])
    similarities = _cosines(hits.vectors[picks], query)
    variance = selection.variance
    documents = []
    for rank, position in enumerate(picks.tolist()):
        source = hits.document(position)
        metadata = {key: _copied(value) for key, value in source.metadata.items()}
        metadata["sift"] = {
            "rank": rank,
            "information_gain": float(selection.gains[0, rank]),
            "uncertainty": None if variance is None else float(variance[0, rank + 1]),
            "similarity": float(similarities[rank]),
        }
        metadata["relevance_score"] = float(scores[rank])
        documents.append(source.model_copy(update={"metadata": metadata}))
    return documents


def _copied(value: Any) -> Any:
    """A deep copy, or the object itself where it cannot be copied (a lock, a connection)."""
    try:
        return deepcopy(value)
    except Exception:  # whatever its __deepcopy__ raises, the passage is wanted
        return value


def _cosines(
    vectors: npt.NDArray[np.float32], query: npt.NDArray[np.float32]
) -> npt.NDArray[np.float64]:
    """Cosine of every row `[n, d]` to the query `[d]`; 0 for a zero row."""
    rows, target = vectors.astype(np.float64), query.astype(np.float64)
    lengths = np.linalg.norm(rows, axis=1) * np.linalg.norm(target)
    cosines: npt.NDArray[np.float64] = np.divide(
        rows @ target, lengths, out=np.zeros(len(rows)), where=lengths > 0
    )
    return cosines
