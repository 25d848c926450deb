"""Tables of LanceDB: filters as SQL, and the rows that were found as hits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from langchain_core.documents import Document

from langchain_sift.stores.rows import hits_of_rows
from langchain_sift.stores.sql import identifier, literal
from sift_retrievers.retrieval import Hits, StoredVector


class Columns(NamedTuple):
    """The names of a table's columns."""

    id: str
    text: str
    vector: str


def condition(filter: Any) -> str:
    """A filter as SQL.

    Args:
        filter: a condition in SQL, which is returned unchanged, or a dict from columns to the
            values that they must have; None stands for NULL. "metadata.tenant" is the field
            `tenant` of the column `metadata`.

    Raises:
        TypeError: for a filter or a value of another type.
    """
    if isinstance(filter, str):
        return filter
    if not isinstance(filter, Mapping):
        raise TypeError(
            "filter of LanceDB must be a condition in SQL or a dict of columns and values; got "
            f"{type(filter).__name__}"
        )
    return " AND ".join(_equals(name, value) for name, value in filter.items()) or "TRUE"


def _equals(name: str, value: Any) -> str:
    column = ".".join(identifier(part, "`") for part in name.split("."))
    return f"{column} IS NULL" if value is None else f"{column} = {literal(value)}"


def hits_in(
    rows: Any, columns: Columns, metadata: Sequence[dict[str, Any]], query: npt.NDArray[np.float32]
) -> Hits[Document]:
    """The hits in the n rows of an Arrow table, with n metadata."""
    return hits_of_rows(
        query,
        ids=[*map(str, rows[columns.id].to_pylist())],
        texts=rows[columns.text].to_pylist(),
        metadata=metadata,
        vectors=_vectors(rows[columns.vector].combine_chunks()),
    )


def _vectors(column: Any) -> Any:
    """A column of vectors as an array `[n, d]`; a list if it is empty or a vector is missing."""
    if len(column) == 0 or column.null_count:
        return column.to_pylist()
    flat = column.flatten().to_numpy(zero_copy_only=False)
    return flat.reshape(len(column), -1)


def vectors_in(table: Any, columns: Columns, ids: Sequence[str]) -> dict[str, StoredVector]:
    """The vectors and texts of those ids that a table has; empty if the table is None."""
    if table is None:
        return {}
    among = ", ".join(map(literal, ids))
    rows = (
        table.search()
        .where(f"{identifier(columns.id, '`')} IN ({among})")
        .select([*columns])
        .limit(len(ids))
        .to_arrow()
        .to_pylist()
    )
    return {
        str(row[columns.id]): StoredVector(row[columns.vector], row[columns.text] or "")
        for row in rows
    }
