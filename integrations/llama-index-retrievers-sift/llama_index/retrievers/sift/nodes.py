"""Chosen nodes as the caller gets them: copies, in selection order, with their numbers."""

from __future__ import annotations

from typing import Any, Final

from llama_index.core.schema import BaseNode, MetadataMode, NodeWithScore

from sift_retrievers import falling_scores
from sift_retrievers.retrieval import Retrieval, deep_copied

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

    The keys are excluded from the text that a model reads or embeds, and replace metadata of the
    same names. Scores fall strictly in selection order.
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
        node = copied(found.node)
        node.metadata |= numbers
        copies.append(NodeWithScore(node=node, score=float(scores[rank])))
    return copies


def embedded_text(node: BaseNode) -> str:
    """What the embedding model is given for a node: its text with its metadata.

    The numbers of an earlier selection are left out: they belong to another query.
    """
    if _is_annotated(node):
        node = copied(node)
    return node.get_content(metadata_mode=MetadataMode.EMBED)


def copied(node: BaseNode) -> BaseNode:
    """A node that shares nothing with another that can be changed, but what cannot be copied."""
    metadata = {key: deep_copied(value) for key, value in node.metadata.items()}
    if _is_annotated(node):
        metadata = {key: value for key, value in metadata.items() if key not in KEYS}
    changes: dict[str, Any] = {
        "metadata": metadata,
        "embedding": None if node.embedding is None else [*node.embedding],
        "relationships": {
            kind: [one.model_copy(deep=True) for one in related]
            if isinstance(related, list)
            else related.model_copy(deep=True)
            for kind, related in node.relationships.items()
        },
    }
    for excluded in ("excluded_llm_metadata_keys", "excluded_embed_metadata_keys"):
        keys = getattr(node, excluded)
        changes[excluded] = [*keys, *(key for key in KEYS if key not in keys)]
    for name in type(node).model_fields:
        resource = getattr(node, name)
        if name.endswith("_resource") and resource is not None:
            changes[name] = resource.model_copy()
    return node.model_copy(update=changes)


def _is_annotated(node: BaseNode) -> bool:
    """Whether an earlier selection wrote its numbers into the metadata."""
    return all(key in node.metadata for key in ("rank", "information_gain", "uncertainty"))
