"""`check_answer`: checks what the query of a vector store returned."""

from __future__ import annotations

from typing import Any

from llama_index.core.schema import BaseNode
from llama_index.core.vector_stores.types import VectorStoreQueryResult


def check_answer(store: object, answer: Any) -> None:
    """Check the answer of a store; None, for nothing found, is allowed.

    Raises:
        TypeError: if it is not a `VectorStoreQueryResult`, or holds anything but nodes as nodes.
        ValueError: if it does not have the same number of nodes, ids and similarities. Each of the
            three may also be missing.
    """
    if answer is None:
        return
    name = type(store).__name__
    if not isinstance(answer, VectorStoreQueryResult):
        raise TypeError(
            f"the query of {name} must return a VectorStoreQueryResult; got {type(answer).__name__}"
        )
    for i, node in enumerate(answer.nodes or ()):
        if not isinstance(node, BaseNode):
            raise TypeError(
                f"the query of {name} must return nodes; got {type(node).__name__} for hit {i}"
            )
    parts = {"nodes": answer.nodes, "ids": answer.ids, "similarities": answer.similarities}
    sizes = {part: len(found) for part, found in parts.items() if found}
    if len({*sizes.values()}) > 1:
        raise ValueError(
            f"the query of {name} must return one node, id and similarity for each hit; got "
            + ", ".join(f"{size} {part}" for part, size in sizes.items())
        )
