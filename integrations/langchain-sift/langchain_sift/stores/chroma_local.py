"""Chroma in this process: which of the rows that a search found were written to meanwhile.

The database commits the text and metadata of a row, and then its vector. A search reads the vectors
first. So what it returns may be a new text with the vector of an old one.
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
    """Whether a collection is in this process, and some other thread of it may write."""
    return type(collection._client).__name__ == "RustBindingsAPI" and not is_only_thread()


def in_spite_of_deletions(search: Callable[[], T]) -> T:
    """What a search returns, made again where it fails.

    The database looks up which rows pass a filter, and fails if one of them is deleted before it
    has looked up their vectors.
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
    """Which of n rows nobody wrote to since a search began that found them; by position.

    Asks for the distances again. A vector that was replaced has another.

    Args:
        collection: see `is_local`.
        asked: the arguments of the search, without `include`.
        ids: n, as it found them.
        distances: n, as it found them.
    """
    first(lambda: _none_is_replaced(collection, ids))
    again = collection.query(**asked, include=["distances"])
    now = dict(zip(again["ids"][0], again["distances"][0], strict=True))
    return [i for i, name in enumerate(ids) if now.get(name) == distances[i]]


def _none_is_replaced(collection: Any, ids: Sequence[str]) -> bool | None:
    """True if nobody is about to replace one of the rows' vectors, else None."""
    api = vars(type(collection._client))
    for call in running_calls(api.get("_upsert"), api.get("_update"), depth=DEPTH):
        if not {*(call.f_locals.get("ids") or ())}.isdisjoint(ids):
            return None
    return True


def passes(where: Mapping[str, Any] | None, metadata: Mapping[str, Any]) -> bool:
    """Whether metadata pass a filter that the database has applied to what it had before.

    Conditions that are not known here pass.
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
        except TypeError:  # of another type than the row had when the database looked
            return False
    return True
