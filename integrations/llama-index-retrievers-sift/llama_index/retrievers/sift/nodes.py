"""Nodes: their texts, and copies of them with the numbers of a selection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from llama_index.core.schema import BaseNode, MetadataMode, NodeWithScore

from sift_retrievers.retrieval import Pick, Retrieval
from sift_retrievers.retrieval.copying import deep_copied

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
"""The metadata keys that a selection writes."""


def chosen_nodes(retrieval: Retrieval[NodeWithScore], annotate: bool) -> list[NodeWithScore]:
    """Copies of the chosen nodes, in selection order.

    The score is the pick's `relevance_score`: 0…1, strictly falling in selection order.

    Args:
        retrieval: what was chosen.
        annotate: whether to write the numbers of each pick into the metadata, under `KEYS`.
            Metadata of the same names are replaced. Language and embedding models do not see them.
    """
    return [_chosen(pick, annotate) for pick in retrieval.picks]


def _chosen(pick: Pick[NodeWithScore], annotate: bool) -> NodeWithScore:
    node = copied(pick.document.node)
    if annotate:
        numbers = pick.numbers()
        del numbers["relevance_score"]
        numbers["retrieval_score"] = pick.document.score
        node.metadata = _without_numbers(node.metadata) | numbers
        for excluded in (node.excluded_llm_metadata_keys, node.excluded_embed_metadata_keys):
            excluded += [key for key in numbers if key not in excluded]
    return NodeWithScore(node=node, score=pick.relevance_score)


def plain_text(node: BaseNode) -> str:
    """The text of a node without its metadata, whose words are compared, counted and shown."""
    return node.get_content(metadata_mode=MetadataMode.NONE) or ""


def embedded_text(node: BaseNode) -> str:
    """The text of a node for the embedding model, with its metadata.

    The numbers of an earlier selection are left out, because they belong to another query.
    """
    if _is_annotated(node.metadata):
        node = node.model_copy(update={"metadata": _without_numbers(node.metadata)})
    return node.get_content(metadata_mode=MetadataMode.EMBED) or ""


def copied(node: BaseNode) -> BaseNode:
    """A copy of a node that shares nothing mutable with it, except values that cannot be copied."""
    changes: dict[str, Any] = {
        "metadata": {key: deep_copied(value) for key, value in node.metadata.items()},
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


def _is_annotated(metadata: Mapping[str, Any]) -> bool:
    """Whether metadata hold the numbers of an earlier selection."""
    return all(key in metadata for key in ("rank", "information_gain", "uncertainty"))


def _without_numbers(metadata: dict[str, Any]) -> dict[str, Any]:
    """Metadata without the numbers of an earlier selection."""
    if not _is_annotated(metadata):
        return metadata
    return {key: value for key, value in metadata.items() if key not in KEYS}
