"""`passing`: which nodes pass the filters of a query, by LlamaIndex's own rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from llama_index.core.schema import BaseNode
from llama_index.core.vector_stores.types import FilterCondition, MetadataFilter, MetadataFilters
from llama_index.core.vector_stores.utils import build_metadata_filter_fn

SOURCE_KEYS = ("document_id", "doc_id", "ref_doc_id")
"""The keys under which stores keep the source document of a node, beside its metadata."""


def passing(filters: MetadataFilters | None) -> Callable[[BaseNode], bool]:
    """A function that says whether the metadata of a node pass the filters.

    It applies the rules of LlamaIndex's own store in memory. A condition that these rules do not
    know, or that does not fit the type of the value, counts as not passed.
    """
    if filters is None or not filters.filters:
        return lambda _: True
    passes = _group(filters)

    def node_passes(node: BaseNode) -> bool:
        return passes(node.metadata | dict.fromkeys(SOURCE_KEYS, node.ref_doc_id or "None"))

    return node_passes


def _group(filters: MetadataFilters) -> Callable[[Mapping[str, Any]], bool]:
    parts = [
        _single(one) if isinstance(one, MetadataFilter) else _group(one) for one in filters.filters
    ]
    if filters.condition == FilterCondition.OR:
        return lambda metadata: any(part(metadata) for part in parts)
    if filters.condition == FilterCondition.NOT:
        return lambda metadata: not any(part(metadata) for part in parts)
    return lambda metadata: all(part(metadata) for part in parts)


def _single(condition: MetadataFilter) -> Callable[[Mapping[str, Any]], bool]:
    held: dict[str, Mapping[str, Any]] = {}
    passes = build_metadata_filter_fn(held.__getitem__, MetadataFilters(filters=[condition]))

    def metadata_pass(metadata: Mapping[str, Any]) -> bool:
        held["node"] = metadata
        try:
            return passes("node")
        except (TypeError, ValueError):
            return False

    return metadata_pass
