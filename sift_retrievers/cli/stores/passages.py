"""Text, id and metadata of one row, whatever its writer called them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sift_retrievers.cli.problem import CommandError

TEXTS: Final = ("text", "page_content", "content", "contents", "document", "passage", "chunk")
VECTORS: Final = ("vector", "embedding", "embeddings", "values")
IDS: Final = ("id", "_id", "doc_id", "uuid", "chunk_id")
_OF_LLAMA_INDEX: Final = ("_node_content", "_node_type")


@dataclass(frozen=True)
class Passage:
    """One row of a store or file."""

    id: str | None
    text: str
    metadata: Mapping[str, Any]


def passage_of(
    fields: Mapping[str, Any], place: str, text_field: str | None = None, name: Any = None
) -> Passage:
    """The passage that a row's fields hold.

    Args:
        fields: as LangChain, LlamaIndex or a store's own client writes them, without the vector.
        place: names the row in messages.
        text_field: the field that holds the text; None: the first of the usual ones.
        name: the row's own id; None: one of the fields.

    Raises:
        CommandError: for a text that is no string, or a row without `text_field`.
    """
    left = dict(fields)
    node = _node(left)
    if text_field is not None:
        if text_field not in left:
            raise CommandError(
                f"{place} has the fields {sorted(map(str, left))}; expected {text_field!r} of "
                "--text-field among them"
            )
        key: str | None = text_field
    else:
        key = next((key for key in TEXTS if isinstance(left.get(key), str)), None)
        key = key or next((key for key in TEXTS if key in left), None)
    text = left.pop(key) if key is not None else None
    if text is None or text == "":
        text = node.get("text") or _within(node, "text_resource", "text") or ""
    if not isinstance(text, str):
        raise CommandError(f"{place}: {key!r} must be a text; got {str(text)[:60]!r}")
    if name is None:
        own = next((key for key in IDS if left.get(key) is not None), None)
        name = left.pop(own) if own is not None else node.get("id_")
    nested = left.pop("metadata", None)
    if isinstance(nested, str):  # langchain-lancedb writes JSON
        nested = _object(nested) or {"metadata": nested}
    if isinstance(nested, Mapping):
        left |= {str(key): value for key, value in nested.items()}
    for key in _OF_LLAMA_INDEX:
        left.pop(key, None)
    return Passage(None if name is None else str(name), text, left)


def vectors_of(rows: Sequence[Any], places: Sequence[str]) -> npt.NDArray[np.float32]:
    """One array `[n, d]` of n vectors.

    Raises:
        CommandError: for one that is missing, no numbers, or of another length than the first.
    """
    if not rows:
        return np.empty((0, 0), dtype=np.float32)
    found: list[npt.NDArray[np.float32]] = []
    for vector, place in zip(rows, places, strict=True):
        if vector is None:
            raise CommandError(f"{place} has no vector, though others have one")
        try:
            row = np.asarray(vector, dtype=np.float32)
        except (TypeError, ValueError, OverflowError):
            row = np.empty((0, 0), dtype=np.float32)
        if row.ndim != 1 or len(row) == 0:
            raise CommandError(f"{place}: a vector must be numbers; got {str(vector)[:60]!r}")
        if found and len(row) != len(found[0]):
            raise CommandError(
                f"{place} has a vector of dimension {len(row)}; the first one has {len(found[0])}"
            )
        found.append(row)
    return np.stack(found)


def _node(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """The node that LlamaIndex keeps as JSON among the metadata; empty if there is none."""
    kept = fields.get("_node_content")
    nested = fields.get("metadata")
    if kept is None and isinstance(nested, Mapping):
        kept = nested.get("_node_content")
    return _object(kept) or {}


def _object(text: Any) -> Mapping[str, Any] | None:
    """The object that a text is as JSON; None if it is none."""
    try:
        value = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, Mapping) else None


def _within(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value
