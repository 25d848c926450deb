"""Rows that other threads of this process are writing at this moment.

Stores in this process replace the parts of a row one after the other, without a lock: the text
first and then the vector, or the other way round. Nothing in the store says that a row is half
written. The stack of the thread that writes it does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from llama_index.core.indices.vector_store.base import VectorStoreIndex

from sift_retrievers.retrieval import StoredVector
from sift_retrievers.running_calls import running_calls

IdsOf: TypeAlias = Callable[[Mapping[str, Any]], Iterable[Any]]
"""From the local variables of a call that writes rows to the ids of these rows."""
Vectors: TypeAlias = Mapping[str, StoredVector]


def read_settled(
    read: Callable[[], Vectors], writes: Sequence[tuple[Any, IdsOf]]
) -> dict[str, StoredVector]:
    """Rows that nobody writes to while they are read.

    They are read twice. A row is left out if it was not the same both times, or a write to it was
    in flight in between. So neither an old vector with a new text nor the reverse comes through.

    Args:
        read: reads text and vector of each row.
        writes: the store's functions, written in Python, that write rows, and what names the rows.
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
    """The ids of the rows that calls of these functions in other threads are writing."""
    ids_of = {f.__code__: ids for f, ids in writes if hasattr(f, "__code__")}
    found = set[str]()
    for call in running_calls(*(function for function, _ in writes)):
        found.update(map(str, [*ids_of[call.f_code](call.f_locals)]))
    return found


def writes_of_index(store: Any) -> list[tuple[Any, IdsOf]]:
    """The calls that write vectors into a store without texts, and then texts into the docstore."""
    batch = ids_of_nodes("nodes_batch")
    return [
        (type(store).add, ids_of_nodes("nodes")),
        (VectorStoreIndex._add_nodes_to_index, batch),
        (VectorStoreIndex._async_add_nodes_to_index, batch),
    ]


def ids_of_nodes(name: str) -> IdsOf:
    """The ids of the nodes in a local variable."""
    return lambda variables: [node.node_id for node in variables.get(name) or ()]
