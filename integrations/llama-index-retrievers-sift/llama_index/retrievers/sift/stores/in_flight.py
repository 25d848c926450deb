"""Finds the rows that other threads of this process are writing at this moment.

Stores in this process replace text and vector of a row one after the other, without a lock. In
between, nothing in the store shows that the row is only half written, but the stack of the writing
thread does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from llama_index.core.indices.vector_store.base import VectorStoreIndex

from sift_retrievers.retrieval import StoredVector
from sift_retrievers.running_calls import running_calls

IdsOf: TypeAlias = Callable[[Mapping[str, Any]], Iterable[Any]]
"""Takes the local variables of a call that writes rows, and returns the ids of these rows."""
Vectors: TypeAlias = Mapping[str, StoredVector]


def read_settled(
    read: Callable[[], Vectors], writes: Sequence[tuple[Any, IdsOf]]
) -> dict[str, StoredVector]:
    """The rows to which nobody wrote while they were read.

    The rows are read twice. A row is left out if it was not the same both times, or if a call in
    between was writing it. So no row is returned with an old vector and a new text, or the reverse.

    Args:
        read: reads text and vector of each row.
        writes: the store's functions that write rows, written in Python, each with a function that
            finds the ids of these rows.
    """
    before = read()
    open_ids = ids_in_flight(writes)
    after = read()
    return {
        name: row
        for name, row in after.items()
        if name not in open_ids and same_row(before.get(name), row)
    }


def same_row(one: StoredVector | None, other: StoredVector | None) -> bool:
    """Whether two reads of a row gave the same vector and the same text."""
    if one is None or other is None or one.text != other.text:
        return False
    return one.vector is other.vector or np.array_equal(one.vector, other.vector)


def ids_in_flight(writes: Sequence[tuple[Any, IdsOf]]) -> set[str]:
    """The ids of the rows that other threads are writing by these functions."""
    ids_of = {f.__code__: ids for f, ids in writes if hasattr(f, "__code__")}
    found = set[str]()
    for call in running_calls(*(function for function, _ in writes)):
        found.update(map(str, [*ids_of[call.f_code](call.f_locals)]))
    return found


def writes_of_index(store: Any) -> list[tuple[Any, IdsOf]]:
    """The functions that write nodes to a store without texts and to its docstore."""
    batch = ids_of_nodes("nodes_batch")
    return [
        (type(store).add, ids_of_nodes("nodes")),
        (VectorStoreIndex._add_nodes_to_index, batch),
        (VectorStoreIndex._async_add_nodes_to_index, batch),
    ]


def ids_of_nodes(name: str) -> IdsOf:
    """A function that finds the ids of the nodes in a local variable of this name."""
    return lambda variables: [node.node_id for node in variables.get(name) or ()]
