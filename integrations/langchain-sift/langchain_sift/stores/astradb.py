"""`langchain_astradb.AstraDBVectorStore`: the `$vector` of a collection's documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from langchain_core.documents import Document

from langchain_sift.stores.client_reader import Ask, ClientReader, usable_here
from langchain_sift.stores.hits import hits_of
from sift_retrievers.retrieval import Hits, StoredVector

MOST_IDS: Final = 80  # in one query, as in the store's own code


class AstraDBReader(ClientReader):
    """Searches by the vectors alone, even if the store's own search is hybrid.

    Vectors as the embedding model gave them.
    """

    async def find(
        self,
        ask: Ask,
        query: npt.NDArray[np.float32],
        fetch_k: int,
        *,
        filter: dict[str, Any] | None = None,
    ) -> Hits[Document]:
        """The nearest documents that pass the filter, which is on metadata."""
        found = await ask("run_query", n=fetch_k, filter=filter, sort={"$vector": query.tolist()})
        documents = [row.document.model_copy(update={"id": row.id}) for row in found]
        return hits_of(documents, [row.embedding for row in found], query)

    async def look_up(self, ask: Ask, ids: Sequence[str]) -> Mapping[str, StoredVector]:
        """The vectors of those ids that the collection has."""
        kept: dict[str, StoredVector] = {}
        for start in range(0, len(ids), MOST_IDS):
            some = [*ids[start : start + MOST_IDS]]
            rows = await ask("run_query", n=len(some), ids=some)
            kept |= {
                row.id: StoredVector(row.embedding, row.document.page_content)
                for row in rows
                if row.embedding is not None
            }
        return kept

    @property
    def searches_async(self) -> bool:
        """True on the event loop on which the asynchronous client was used first."""
        return usable_here(self.store.astra_env.async_collection)

    def call(self, method: str, /, **arguments: Any) -> Any:
        """The rows of a query of the store, with their vectors."""
        return [*getattr(self.store, method)(include_embeddings=True, **arguments)]

    async def acall(self, method: str, /, **arguments: Any) -> Any:
        """Async version of `call`."""
        rows = await getattr(self.store, f"a{method}")(include_embeddings=True, **arguments)
        return [row async for row in rows]
