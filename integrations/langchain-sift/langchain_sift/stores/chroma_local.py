"""Chroma in this process: finds rows that were written to while a search read them.

The database commits the text and metadata of a row first, and its vector later. A search reads the
vectors first. So it may return the new text of a row with its old vector.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import eq, ge, gt, le, lt, ne
from typing import Any, Final, TypeVar

from langchain_sift.stores.writers import DEPTH, first
from sift_retrievers.running_calls import is_only_thread, running_calls

T = TypeVar("T")

TRIES: Final = 10
COMPARISONS: Final[Mapping[str, Any]] = {
    "$eq": eq,
    "$ne": ne,
    "$gt": gt,
    "$gte": ge,
    "$lt": lt,
    "$lte": le,
    "$in": lambda value, among: value in among,
    "$nin": lambda value, among: value not in among,
}
NEGATIONS: Final = frozenset({"$ne", "$nin"})


def is_local(collection: Any) -> bool:
    """Whether a collection is in this process, and this process has other threads."""
    return type(collection._client).__name__ == "RustBindingsAPI" and not is_only_thread()


def in_spite_of_deletions(search: Callable[[], T]) -> T:
    """The result of a search, which is repeated if it fails because of a deletion.

    The database first looks up which rows pass a filter, and then their vectors. It fails if one of
    these rows is deleted in between.
    """
    for _ in range(TRIES):
        try:
            return search()
        except Exception as error:
            if type(error).__name__ != "InternalError":
                raise
    return search()


def unchanged(
    collection: Any, asked: Mapping[str, Any], ids: Sequence[str], distances: Sequence[float]
) -> list[int]:
    """The positions of those hits of a search that were not written to since the search began.

    The distances are asked for a second time: a hit whose vector was replaced has another distance.

    Args:
        collection: in this process, see `is_local`.
        asked: the arguments of the search, without `include`.
        ids: those of the n hits.
        distances: those of the n hits.
    """
    first(lambda: _none_is_replaced(collection, ids))
    again = collection.query(**asked, include=["distances"])
    now = dict(zip(again["ids"][0], again["distances"][0], strict=True))
    return [i for i, name in enumerate(ids) if now.get(name) == distances[i]]


def _none_is_replaced(collection: Any, ids: Sequence[str]) -> bool | None:
    """True if no other thread is writing to one of the rows at this moment, else None."""
    api = vars(type(collection._client))
    for call in running_calls(api.get("_upsert"), api.get("_update"), depth=DEPTH):
        if not {*(call.f_locals.get("ids") or ())}.isdisjoint(ids):
            return None
    return True


def passes(where: Mapping[str, Any] | None, metadata: Mapping[str, Any]) -> bool:
    """Whether the metadata of a hit pass a filter.

    The database has applied the filter, too, but perhaps to older metadata of the same row.
    Conditions that this function does not know count as passed.
    """
    return all(_passes(name, condition, metadata) for name, condition in (where or {}).items())


def _passes(name: str, condition: Any, metadata: Mapping[str, Any]) -> bool:
    if name == "$and":
        return all(passes(one, metadata) for one in condition)
    if name == "$or":
        return any(passes(one, metadata) for one in condition)
    if not isinstance(condition, Mapping):
        condition = {"$eq": condition}
    for operator, value in condition.items():
        if operator not in COMPARISONS:
            continue
        if name not in metadata:
            if operator not in NEGATIONS:
                return False
            continue
        try:
            if not COMPARISONS[operator](metadata[name], value):
                return False
        except (
            TypeError
        ):  # the value now has another type than when the database applied the filter
            return False
    return True
