"""`langchain_community.vectorstores.LanceDB`: the vector column of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from langchain_core.documents import Document

from langchain_sift.stores.lance_table import Columns, condition, hits_in, vectors_in
from sift_retrievers.retrieval import Hits, StoredVector, StoreReader
from sift_retrievers.retrieval.hits import no_hits


class LanceDBReader(StoreReader[Document]):
    """Vectors as the embedding model gave them.

    A search reads one version of the table; a writer makes a new one.
    """

    def search(
        self,
        query: npt.NDArray[np.float32],
        fetch_k: int,
        *,
        filter: str | Mapping[str, Any] | None = None,
        prefilter: bool = True,
        metrics: str | None = None,
        name: str | None = None,
    ) -> Hits[Document]:
        """The nearest rows.

        Args:
            query: `[d]`.
            fetch_k: hits wanted.
            filter: a condition in SQL, or a dict from columns to the values that they must have:
                `{"metadata.tenant": "A"}`. The values are quoted, whatever they contain.
            prefilter: whether to filter before the `fetch_k` nearest rows are cut off. The store's
                own search filters afterwards.
            metrics: the distance: "l2", "cosine" or "dot".
            name: of another table.

        Raises:
            TypeError: for a filter of another type, or a value in it that is neither text, number,
                truth value nor None.
        """
        store = self.store
        table = store.get_table(name)
        if table is None:  # nothing was ever added
            return no_hits(len(query))
        search = table.search(query=query, vector_column_name=store._vector_key).limit(fetch_k)
        if metrics is not None:
            search = search.distance_type(metrics)
        if filter is not None:
            search = search.where(condition(filter), prefilter=prefilter)
        rows = search.to_arrow()
        has_metadata = "metadata" in rows.schema.names
        kept = rows["metadata"].to_pylist() if has_metadata else [None] * len(rows)
        return hits_in(rows, self._columns(), [fields or {} for fields in kept], query)

    def vectors_by_id(self, ids: Sequence[str]) -> dict[str, StoredVector]:
        """The vectors of those ids that the table has."""
        return vectors_in(self.store.get_table(), self._columns(), ids)

    def _columns(self) -> Columns:
        store = self.store
        return Columns(id=store._id_key, text=store._text_key, vector=store._vector_key)
