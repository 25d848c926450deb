"""Batches of a retriever: their queries are embedded in one call if the model allows it."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, NamedTuple

from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableConfig
from pydantic import PrivateAttr

from langchain_sift.queries import BatchEmbedder, embedded_before
from sift_retrievers.retrieval.deadline import Deadline
from sift_retrievers.retrieval.work import Direct, OnLoop, finished


class BatchQueries(NamedTuple):
    """The queries of a batch that are embedded in one call before the searches begin."""

    model: Embeddings
    texts: list[str]
    deadline: Deadline | None
    """When their embedding must have ended; None: there is no limit."""

    @property
    def timeout(self) -> float | Deadline | None:
        """What each query is given for its own search, once the embedding has ended.

        It is the whole timeout again, however many queries come before it. If the embedding used up
        all of its time, nothing is left: a model that hangs is not waited for twice.
        """
        if self.deadline is None or not self.deadline.left():
            return self.deadline
        return self.deadline.timeout


class BatchRetriever(BaseRetriever):
    """A retriever whose batches call the embedding model once."""

    _batch: BatchEmbedder = PrivateAttr(default_factory=BatchEmbedder)

    @abstractmethod
    def _to_embed(self, inputs: list[str], arguments: dict[str, Any]) -> BatchQueries:
        """The queries among `inputs` that can be embedded before the searches begin."""

    def batch(
        self,
        inputs: list[str],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,
    ) -> list[list[Document]]:
        """Retrieve for several queries, which are embedded in one call if the model allows it.

        The timeout holds for the common embedding, and then for each query.
        """
        queries = self._to_embed(inputs, kwargs)
        embedding = self._batch.embed(Direct(queries.deadline), queries.model, queries.texts)
        with embedded_before(queries.model, finished(embedding)):
            kwargs["timeout"] = queries.timeout
            return super().batch(inputs, config, return_exceptions=return_exceptions, **kwargs)

    async def abatch(
        self,
        inputs: list[str],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,
    ) -> list[list[Document]]:
        """Async version of `batch`."""
        queries = self._to_embed(inputs, kwargs)
        embedding = self._batch.embed(OnLoop(queries.deadline), queries.model, queries.texts)
        with embedded_before(queries.model, await embedding):
            kwargs["timeout"] = queries.timeout
            return await super().abatch(
                inputs, config, return_exceptions=return_exceptions, **kwargs
            )
