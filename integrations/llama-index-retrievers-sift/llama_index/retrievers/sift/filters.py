"""`passes`: whether a node passes the filters of a query."""

from __future__ import annotations

from llama_index.core.schema import BaseNode
from llama_index.core.vector_stores.types import FilterCondition, MetadataFilter, MetadataFilters
from llama_index.core.vector_stores.utils import build_metadata_filter_fn


def passes(node: BaseNode, filters: MetadataFilters | None) -> bool:
    """Whether a node's metadata pass, by the rules of LlamaIndex's own store in memory.

    For nodes that were read after the store had searched.
    """
    if filters is None or not filters.filters:
        return True
    each = (
        _passes_one(node, one) if isinstance(one, MetadataFilter) else passes(node, one)
        for one in filters.filters
    )
    if filters.condition == FilterCondition.OR:
        return any(each)
    if filters.condition == FilterCondition.NOT:
        return not any(each)
    return all(each)


def _passes_one(node: BaseNode, condition: MetadataFilter) -> bool:
    source = node.ref_doc_id or "None"
    # As stores keep it: the source document has three names beside the node's own metadata.
    metadata = node.metadata | dict.fromkeys(("document_id", "doc_id", "ref_doc_id"), source)
    return build_metadata_filter_fn(lambda _: metadata, MetadataFilters(filters=[condition]))("")
