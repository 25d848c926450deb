"""`langchain_pinecone.PineconeVectorStore`: the dense values of one index and namespace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from langchain_core.documents import Document

from langchain_sift.stores.client_reader import Ask, ClientReader, usable_here
from langchain_sift.stores.rows import hits_of_rows
from sift_retrievers.retrieval import Hits, StoredVector


class PineconeReader(ClientReader):
    """Vectors as the embedding model gave them.

    Records without a text are left out, as in the store's own search.
    """

    async def find(
        self,
        ask: Ask,
        query: npt.NDArray[np.float32],
        fetch_k: int,
        *,
        filter: dict[str, Any] | None = None,
        namespace: str | None = None,
    ) -> Hits[Document]:
        """The nearest records of a namespace that pass the filter."""
        key = self.store._text_key
        answer = await ask(
            "query",
            vector=query.tolist(),
            top_k=fetch_k,
            filter=filter,
            namespace=self.store._namespace if namespace is None else namespace,
            include_values=True,
            include_metadata=True,
        )
        matches = [match for match in answer["matches"] if key in (match.metadata or {})]
        return hits_of_rows(
            query,
            ids=[match.id for match in matches],
            texts=[match.metadata[key] for match in matches],
            metadata=[
                {name: value for name, value in match.metadata.items() if name != key}
                for match in matches
            ],
            vectors=[match.values for match in matches],
        )

    async def look_up(self, ask: Ask, ids: Sequence[str]) -> Mapping[str, StoredVector]:
        """The vectors of those ids that the store's namespace has."""
        answer = await ask("fetch", ids=[*ids], namespace=self.store._namespace)
        return {
            name: StoredVector(record.values, (record.metadata or {}).get(self.store._text_key))
            for name, record in answer.vectors.items()
            if record.values
        }

    @property
    def client(self) -> Any:
        return self.store.index

    @property
    def aclient(self) -> Any:
        # Not by the store's context manager: it would close an index that the caller still uses.
        return self.store._async_index

    @property
    def searches_async(self) -> bool:
        """Whether the store has an asynchronous index that stays open, on its event loop.

        That is the case if the store was made with such an index, and inside `async with store`.
        Otherwise the store opens and closes a connection for every asynchronous search.
        """
        store = self.store
        stays_open = store._async_index_provided or store._async_index_context_open
        return stays_open and usable_here(self.aclient)
