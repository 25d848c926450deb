"""Batches of a retriever: their queries are embedded together where the model allows."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import run_in_executor
from pydantic import PrivateAttr

from langchain_sift.queries import BatchEmbedder


class BatchRetriever(BaseRetriever):
    """A retriever whose batches call the embedding model once.

    Which model that is, and which queries it gets as they are, the retriever itself says.
    """

    _batch: BatchEmbedder = PrivateAttr(default_factory=BatchEmbedder)

    @abstractmethod
    def _query_model(self) -> Embeddings:
        """What embeds the queries."""

    @abstractmethod
    def _to_embed(self, inputs: list[str], kwargs: dict[str, Any]) -> list[str]:
        """The queries of a batch that will be embedded as they are."""

    def batch(
        self,
        inputs: list[str],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,
    ) -> list[list[Document]]:
        """Retrieve for several queries at once, embedded together where the model allows."""
        with self._batch.together(self._query_model(), self._to_embed(inputs, kwargs)):
            return super().batch(inputs, config, return_exceptions=return_exceptions, **kwargs)

    async def abatch(
        self,
        inputs: list[str],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,
    ) -> list[list[Document]]:
        """Retrieve for several queries at once, embedded together where the model allows."""
        model, texts = self._query_model(), self._to_embed(inputs, kwargs)
        vectors = await run_in_executor(None, self._batch.vectors, model, texts)
        with self._batch.known(model, vectors):
            return await super().abatch(
                inputs, config, return_exceptions=return_exceptions, **kwargs
            )
