"""A folder of LanceDB tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sift_retrievers.cli.corpus import Corpus
from sift_retrievers.cli.problem import CommandError, needed
from sift_retrievers.cli.stores.options import ReadingOptions, one_of
from sift_retrievers.cli.stores.passages import VECTORS, passage_of


def read_lancedb(folder: Path, options: ReadingOptions) -> Corpus:
    """All rows of a table. LanceDB finds the nearest by L2 where a query names no metric.

    Raises:
        CommandError: without lancedb, for an unknown table, or one without a column of vectors.
    """
    lancedb = needed("lancedb", "lancedb", "a LanceDB folder")
    names = [file.stem for file in sorted(folder.glob("*.lance")) if file.is_dir()]
    name = one_of(names, options.collection, "tables", "--collection")
    try:
        table = lancedb.connect(str(folder)).open_table(name).to_arrow()
    except Exception as error:  # lancedb's errors have no common class
        raise CommandError(f"the table {name} cannot be opened by lancedb: {error}") from None
    columns = [field.name for field in table.schema if _is_vector(field.type)]
    usual = [column for column in VECTORS if column in columns]
    asked = options.vector_field or (usual[0] if usual else None)
    column = one_of(columns, asked, "columns of vectors", "--vector-field")
    stored = table.column(column).combine_chunks()
    if stored.null_count:
        raise CommandError(f"{stored.null_count} of {len(table)} rows of {name} have no vector")
    width = getattr(stored.type, "list_size", None)
    flat = stored.flatten().to_numpy(zero_copy_only=False)
    if width is None:
        width = len(flat) // max(len(table), 1)
    if len(flat) != width * len(table):
        raise CommandError(f"the vectors of {name} differ in length")
    rows = table.drop_columns([column]).to_pylist()
    passages = [
        passage_of(row, f"row {i} of {name}", options.text_field) for i, row in enumerate(rows)
    ]
    return Corpus(
        source=f"the LanceDB table {name}",
        ids=[passage.id for passage in passages],
        texts=[passage.text for passage in passages],
        metadata=[passage.metadata for passage in passages],
        vectors=flat.astype(np.float32).reshape(len(table), width),
        metric="l2",
    )


def _is_vector(kind: Any) -> bool:
    """Whether an Arrow type is a list of floating-point numbers."""
    return "list" in str(kind) and str(getattr(kind, "value_type", "")) in (
        "float",
        "halffloat",
        "double",
    )
