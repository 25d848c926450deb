"""Chosen nodes as the caller gets them: copies, in selection order, with their numbers."""

from __future__ import annotations

from typing import Any, Final

from llama_index.core.schema import BaseNode, MetadataMode, NodeWithScore

from sift_retrievers.retrieval import Retrieval, deep_copied, pick_numbers

KEYS: Final = (
    "rank",
    "information_gain",
    "novelty",
    "uncertainty",
    "similarity",
    "word_share",
    "evidence_chance",
    "evidence_probably_missing",
    "retrieval_score",
    "vectors",
)


def annotated_copies(retrieval: Retrieval[NodeWithScore]) -> list[NodeWithScore]:
    """Copy the chosen nodes and write into the copies' metadata what each pick was worth.

    The keys are excluded from the text that a model reads or embeds, and replace metadata of the
    same names. The score is the pick's `relevance_score`: 0…1, strictly falling in selection order.
    """
    copies = []
    rows = zip(pick_numbers(retrieval), retrieval.outcome.documents, strict=True)
    for numbers, found in rows:
        score = numbers.pop("relevance_score")
        numbers["retrieval_score"] = found.score
        node = copied(found.node)
        node.metadata |= numbers
        for excluded in (node.excluded_llm_metadata_keys, node.excluded_embed_metadata_keys):
            excluded += [key for key in numbers if key not in excluded]
        copies.append(NodeWithScore(node=node, score=score))
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
        changes[excluded] = [*getattr(node, excluded)]
    for name in type(node).model_fields:
        resource = getattr(node, name)
        if name.endswith("_resource") and resource is not None:
            changes[name] = resource.model_copy()
    return node.model_copy(update=changes)


def _is_annotated(node: BaseNode) -> bool:
    """Whether an earlier selection wrote its numbers into the metadata."""
    return all(key in node.metadata for key in ("rank", "information_gain", "uncertainty"))
