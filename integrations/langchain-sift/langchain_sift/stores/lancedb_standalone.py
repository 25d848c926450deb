"""`langchain_lancedb.LanceDB`: the store of a separate package, not of langchain-community."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from langchain_core.documents import Document

from langchain_sift.stores.lance_table import Columns, hits_in, vectors_in
from sift_retrievers.retrieval import Hits, StoredVector, StoreReader
from sift_retrievers.retrieval.hits import no_hits

COLUMNS: Final = Columns(id="id", text="text", vector="vector")


class StandaloneLanceDBReader(StoreReader[Document]):
    """Vectors as the embedding model gave them.

    A search reads one version of the table; a writer makes a new one.
    """

    def search(self, query: npt.NDArray[np.float32], fetch_k: int) -> Hits[Document]:
        """The nearest rows. The store's search takes no filter, as metadata are stored as JSON."""
        table, _ = self.store._get_or_create_table()
        if table is None:  # nothing was ever added
            return no_hits(len(query))
        rows = table.search(query, vector_column_name=COLUMNS.vector).limit(fetch_k).to_arrow()
        # The store's own documents have this, too.
        source = {"source": self.store._uri}
        metadata = [json.loads(fields or "{}") | source for fields in rows["metadata"].to_pylist()]
        return hits_in(rows, COLUMNS, metadata, query)

    def vectors_by_id(self, ids: Sequence[str]) -> dict[str, StoredVector]:
        """The vectors of those ids that the table has."""
        return vectors_in(self.store._get_or_create_table()[0], COLUMNS, ids)
