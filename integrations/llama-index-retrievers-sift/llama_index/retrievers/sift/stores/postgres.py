"""`PGVectorStore`: PostgreSQL with pgvector."""

from __future__ import annotations

from llama_index.retrievers.sift.stores.event_loops import in_first_loop
from llama_index.retrievers.sift.stores.node_rows import NodeRowsReader


class PostgresReader(NodeRowsReader):
    """Vectors as the table holds them."""

    @property
    def searches_async(self) -> bool:
        """Whether the asynchronous engine can be used in the running event loop."""
        return in_first_loop(self.store)
