"""Chosen nodes as the caller gets them: copies, in selection order, with their numbers."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, Final

from llama_index.core.schema import BaseNode, MetadataMode, NodeWithScore

from sift_retrievers import falling_scores
from sift_retrievers.retrieval import Retrieval

KEYS: Final = (
    "rank",
    "information_gain",
    "uncertainty",
    "similarity",
    "retrieval_score",
    "vectors",
)


def annotated_copies(retrieval: Retrieval[NodeWithScore]) -> list[NodeWithScore]:
    """Copy the chosen nodes and write into the copies' metadata what each pick was worth.

    The keys are excluded from the text that a model reads or embeds. Scores fall strictly in
    selection order.
    """
    choice = retrieval.outcome.choice
    scores = falling_scores(choice.gains)
    copies = []
    rows = zip(choice.picks.tolist(), retrieval.outcome.documents, strict=True)
    for rank, (position, found) in enumerate(rows):
        numbers: dict[str, Any] = {
            "rank": rank,
            "information_gain": float(choice.gains[rank]),
            "uncertainty": None if choice.variance is None else float(choice.variance[rank + 1]),
            "similarity": float(choice.similarities[position]),
            "retrieval_score": found.score,
        }
        if retrieval.hits.note is not None:
            numbers["vectors"] = retrieval.hits.note
        node = _copy(found.node)
        node.metadata |= numbers
        copies.append(NodeWithScore(node=node, score=float(scores[rank])))
    return copies


def embedded_text(node: BaseNode) -> str:
    """What the embedding model is given for a node: its text with its metadata.

    The numbers of an earlier selection are left out: they belong to another query.
    """
    if KEYS[0] in node.metadata:
        node = _copy(node)
    return node.get_content(metadata_mode=MetadataMode.EMBED)


def _copy(node: BaseNode) -> BaseNode:
    """A node that shares nothing with another that can be changed, but what cannot be copied."""
    changes: dict[str, Any] = {
        "metadata": {key: _copied(value) for key, value in node.metadata.items()},
        "relationships": {**node.relationships},
    }
    for excluded in ("excluded_llm_metadata_keys", "excluded_embed_metadata_keys"):
        keys = getattr(node, excluded)
        changes[excluded] = [*keys, *(key for key in KEYS if key not in keys)]
    return node.model_copy(update=changes)


def _copied(value: Any) -> Any:
    try:
        return deepcopy(value)
    except Exception:  # whatever its __deepcopy__ raises, the passage is wanted
        return value
